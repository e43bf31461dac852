#include "common/security/secrets.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace weir::security {
namespace {

constexpr std::string_view kOpen = "${secret:";
constexpr size_t kMaxBytes = 64 * 1024;

absl::StatusOr<std::string> ReadSecret(const std::string& folder, const std::string& name) {
  auto wrong = [&](const std::string& why) {
    return absl::InvalidArgumentError(absl::StrCat("secret `", name, "`: ", why));
  };
  if (folder.empty())
    return wrong("secrets are not configured on this daemon (secrets_dir)");
  const std::string path = folder + "/" + name;
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return wrong(absl::StrCat("cannot read it from secrets_dir of this daemon: ", std::strerror(errno)));
  }
  std::string text(kMaxBytes + 1, '\0');
  size_t size = 0;
  ssize_t n = 0;
  while (size < text.size() && (n = read(fd, text.data() + size, text.size() - size)) > 0)
    size += static_cast<size_t>(n);
  const int error = errno;
  close(fd);
  if (n < 0) return wrong(absl::StrCat("cannot be read: ", std::strerror(error)));
  if (size > kMaxBytes) return wrong("more than 64 KiB");
  text.resize(size);
  if (!text.empty() && text.back() == '\n') text.pop_back();
  if (!text.empty() && text.back() == '\r') text.pop_back();
  if (text.empty()) return wrong("the file is empty");
  return text;
}

absl::Status ResolveScalar(const std::string& folder, config::Value* value) {
  std::string_view rest = value->text;
  std::string out;
  while (true) {
    const size_t open = rest.find(kOpen);
    out.append(rest.substr(0, open));
    if (open == std::string_view::npos) break;
    rest.remove_prefix(open + kOpen.size());
    const size_t close = rest.find('}');
    const std::string name(rest.substr(0, close));
    if (close == std::string_view::npos || !IsSecretName(name)) {
      return absl::InvalidArgumentError(
          "`${secret:` must be followed by a name of letters, digits, `_`, `-`, `.`, and `}`");
    }
    ASSIGN_OR_RETURN(const std::string secret, ReadSecret(folder, name));
    out += secret;
    rest.remove_prefix(close + 1);
  }
  config::Value resolved = config::Value::String(std::move(out));
  resolved.location = value->location;
  resolved.quoted = true;
  *value = std::move(resolved);
  return absl::OkStatus();
}

}  // namespace

bool IsSecretName(std::string_view name) {
  return !name.empty() && name.size() <= 200 && name.front() != '.' &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-' || c == '.';
         });
}

bool RefersToSecrets(const config::Value& options) {
  if (options.is_scalar() && options.text.find(kOpen) != std::string::npos) return true;
  return std::any_of(options.items.begin(), options.items.end(), RefersToSecrets) ||
         std::any_of(options.entries.begin(), options.entries.end(),
                     [](const config::MapEntry& entry) { return RefersToSecrets(entry.value); });
}

absl::Status ResolveSecrets(const std::string& folder, config::Value* options) {
  if (options->is_scalar() && options->text.find(kOpen) != std::string::npos) {
    return ResolveScalar(folder, options);
  }
  for (config::Value& item : options->items) RETURN_IF_ERROR(ResolveSecrets(folder, &item));
  for (config::MapEntry& entry : options->entries) {
    RETURN_IF_ERROR(ResolveSecrets(folder, &entry.value));
  }
  return absl::OkStatus();
}

}  // namespace weir::security
