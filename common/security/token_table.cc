#include "common/security/token_table.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/log/log.h"
#include "common/base/status_macros.h"

namespace weir::security {
namespace {

constexpr std::string_view kHashed = "sha256:";
constexpr size_t kMaxFileBytes = 1 << 20;

std::string Hash(std::string_view token) {
  std::string hash(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const unsigned char*>(token.data()), token.size(),
         reinterpret_cast<unsigned char*>(hash.data()));
  return hash;
}

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return absl::InvalidArgumentError(
        absl::StrCat("token file ", path, ": cannot be read: ", std::strerror(errno)));
  }
  std::string text(kMaxFileBytes, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(file.gcount()));
  if (text.size() == kMaxFileBytes) {
    return absl::InvalidArgumentError(absl::StrCat("token file ", path, ": more than 1 MiB"));
  }
  return text;
}

std::vector<std::string> WordsOf(absl::string_view line) {
  line = line.substr(0, line.find('#'));
  return absl::StrSplit(line, absl::ByAnyChar(" \t\r"), absl::SkipEmpty());
}

}  // namespace

const char* ToString(Role role) {
  switch (role) {
    case Role::kReadOnly: return "read_only";
    case Role::kAdmin: return "admin";
    case Role::kTaskManager: return "taskmanager";
  }
  return "?";
}

absl::StatusOr<TokenTable> TokenTable::Parse(std::string_view text, const std::string& path) {
  TokenTable table;
  int number = 0;
  for (const absl::string_view line :
       absl::StrSplit(absl::string_view(text.data(), text.size()), '\n')) {
    ++number;
    const std::vector<std::string> words = WordsOf(line);
    if (words.empty()) continue;
    auto wrong = [&](const std::string& what) {
      return absl::InvalidArgumentError(absl::StrCat("token file ", path, ":", number, ": ", what));
    };
    if (words.size() != 3) return wrong("a line must be `ROLE NAME TOKEN`");
    Entry entry;
    if (words[0] == "read_only" || words[0] == "read-only") {
      entry.principal.role = Role::kReadOnly;
    } else if (words[0] == "admin") {
      entry.principal.role = Role::kAdmin;
    } else if (words[0] == "taskmanager") {
      entry.principal.role = Role::kTaskManager;
    } else {
      return wrong("the role must be one of read_only, admin, taskmanager");
    }
    entry.principal.name = words[1];
    const std::string& token = words[2];
    if (token.starts_with(kHashed)) {
      const std::string digits = token.substr(kHashed.size());
      if (digits.size() != 64 || digits.find_first_not_of("0123456789abcdefABCDEF") != std::string::npos)
        return wrong("`sha256:` needs 64 hexadecimal digits after it");
      entry.hash = absl::HexStringToBytes(digits);
    } else {
      if (token.size() < kMinTokenBytes)
        return wrong(absl::StrCat("a token needs at least ", kMinTokenBytes,
                                  " characters (`openssl rand -hex 32` makes one)"));
      entry.hash = Hash(token);
      if (entry.principal.role == Role::kTaskManager) entry.token = token;
    }
    for (const Entry& other : table.entries_) {
      if (other.hash == entry.hash) return wrong("the same token as on an earlier line");
    }
    table.entries_.push_back(std::move(entry));
  }
  if (table.entries_.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("token file ", path, ": there is no token in it"));
  }
  return table;
}

absl::StatusOr<TokenTable> TokenTable::Load(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  struct stat info {};
  if (stat(path.c_str(), &info) == 0 && (info.st_mode & S_IROTH) != 0) {
    log::Warning("every user of this machine can read the tokens: chmod o-r", {{"file", path}});
  }
  return Parse(text, path);
}

const Principal* TokenTable::Find(std::string_view token) const {
  const std::string hash = Hash(token);
  const Principal* found = nullptr;
  for (const Entry& entry : entries_) {
    if (CRYPTO_memcmp(entry.hash.data(), hash.data(), hash.size()) == 0) found = &entry.principal;
  }
  return found;
}

std::string TokenTable::Own(Role role) const {
  for (const Entry& entry : entries_) {
    if (entry.principal.role == role && !entry.token.empty()) return entry.token;
  }
  return "";
}

absl::StatusOr<std::string> LoadClientToken(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    const std::vector<std::string> words = WordsOf(line);
    if (words.empty()) continue;
    if ((words.size() != 1 && words.size() != 3) || words.back().starts_with(kHashed)) {
      return absl::InvalidArgumentError(
          absl::StrCat("token file ", path, ": needs a line with the token itself"));
    }
    return words.back();
  }
  return absl::InvalidArgumentError(absl::StrCat("token file ", path, ": there is no token in it"));
}

}  // namespace weir::security
