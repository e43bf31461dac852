#include "common/net/open_files.h"

#include <sys/resource.h>

#include <algorithm>

namespace weir::net {

int64_t RaiseOpenFileLimit() {
  constexpr rlim_t kEnough = 1 << 20;
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
  const rlim_t before = limit.rlim_cur;
  limit.rlim_cur = std::max(limit.rlim_cur, std::min(limit.rlim_max, kEnough));
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) limit.rlim_cur = before;
  return static_cast<int64_t>(std::min(limit.rlim_cur, kEnough));
}

}  // namespace weir::net
