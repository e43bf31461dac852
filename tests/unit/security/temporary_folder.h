#pragma once

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace weir::security {

/// A folder that is there as long as the object.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    char name[] = "/tmp/weir-security-XXXXXX";
    path_ = std::filesystem::canonical(mkdtemp(name)).string();
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }
  /// In one step, as an editor or a secret's mount does.
  std::string Write(const std::string& name, const std::string& text) const {
    std::ofstream(path_ + "/.new") << text;
    std::filesystem::rename(path_ + "/.new", path_ + "/" + name);
    return path_ + "/" + name;
  }

 private:
  std::string path_;
};

}  // namespace weir::security
