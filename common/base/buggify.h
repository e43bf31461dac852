#pragma once

#include <string_view>

/// Places where the code may do something allowed but rare (give up early, take the slow way, a smaller batch), so
/// that a simulation meets it often. Off in production, and not compiled into release builds.
namespace weir::buggify {

/// Decides whether the site `name` does it this time. Null: never. Installed by a simulation.
inline bool (*hook)(std::string_view name) = nullptr;

}  // namespace weir::buggify

#ifdef WEIR_FAILPOINTS
#define WEIR_BUGGIFY(name) (::weir::buggify::hook != nullptr && ::weir::buggify::hook(name))
#else
#define WEIR_BUGGIFY(name) false
#endif
