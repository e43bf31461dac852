#include "taskmanager/connector/file/line_numbers.h"

#include <algorithm>

namespace weir::taskmanager::file {

int64_t LineNumbers::LineAt(const std::string& path, int64_t offset) {
  Known& known = known_[path];
  if (offset < known.offset) known = Known{};
  if (offset == known.offset) return known.line;
  const auto file = fs::Default().Open(path, fs::OpenMode::kRead);
  if (!file.ok()) return 0;
  std::string bytes(size_t{256} << 10, '\0');
  while (known.offset < offset) {
    const auto want =
        static_cast<size_t>(std::min<int64_t>(static_cast<int64_t>(bytes.size()), offset - known.offset));
    const auto got = ReadAt(file.value, path, known.offset, bytes.data(), want);
    if (!got.ok() || *got == 0) return 0;
    known.line += std::count(bytes.data(), bytes.data() + *got, '\n');
    known.offset += static_cast<int64_t>(*got);
  }
  return known.line;
}

}  // namespace weir::taskmanager::file
