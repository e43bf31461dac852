#pragma once

#include "common/fs/file_system.h"

namespace weir::fs {

/// The machine's file system. Thread: thread-safe.
FileSystem& Posix();

}  // namespace weir::fs
