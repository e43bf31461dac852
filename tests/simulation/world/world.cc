#include "tests/simulation/world/world.h"
