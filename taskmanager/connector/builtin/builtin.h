#pragma once

// The connectors of this executable: what job files may say of them, and their code.
#include "taskmanager/connector/builtin/catalog.h"
#include "taskmanager/connector/builtin/registry.h"
