// Parts of urls, and text as it stands in them.
#include <algorithm>
#include <array>
#include <optional>

#include "absl/strings/str_cat.h"
#include "common/expression/functions.h"
#include "common/expression/suggest.h"
#include "common/expression/text.h"

namespace weir::expression {

using batch::TypeKind;

namespace {

constexpr size_t kNone = std::string_view::npos;
using Part = std::optional<std::string_view>;

bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// A url by RFC 3986, as far as parse_url tells its parts: views into the text.
struct Url {
  std::string_view scheme, path, file;
  Part authority, query, fragment;

  static std::optional<Url> Parse(std::string_view text) {
    Url url;
    const size_t colon = text.find(':');
    if (colon == kNone || colon == 0 || !IsLetter(text[0])) return std::nullopt;
    url.scheme = text.substr(0, colon);
    for (char c : url.scheme) {
      if (!IsLetter(c) && !IsDigit(c) && c != '+' && c != '-' && c != '.') return std::nullopt;
    }
    text.remove_prefix(colon + 1);
    if (const size_t hash = text.find('#'); hash != kNone) {
      url.fragment = text.substr(hash + 1);
      text = text.substr(0, hash);
    }
    if (text.substr(0, 2) == "//") {
      text.remove_prefix(2);
      url.authority = text.substr(0, text.find_first_of("/?"));
      text.remove_prefix(url.authority->size());
    }
    url.file = text;
    const size_t mark = text.find('?');
    url.path = text.substr(0, mark);
    if (mark != kNone) url.query = text.substr(mark + 1);
    return url;
  }

  Part User() const {
    if (!authority) return std::nullopt;
    const size_t at = authority->rfind('@');
    return at == kNone ? Part() : authority->substr(0, at);
  }
  Part Host() const {
    if (!authority) return std::nullopt;
    const size_t at = authority->rfind('@');
    std::string_view host = at == kNone ? *authority : authority->substr(at + 1);
    // The colons of an IPv6 address stand in brackets.
    const size_t close = host.rfind(']');
    const size_t colon = host.rfind(':');
    if (colon != kNone && (close == kNone || colon > close)) host = host.substr(0, colon);
    return host;
  }
  Part Parameter(std::string_view key) const {
    if (!query) return std::nullopt;
    std::string_view rest = *query;
    while (true) {
      const size_t end = rest.find('&');
      const std::string_view pair = rest.substr(0, end);
      if (pair.size() > key.size() && pair[key.size()] == '=' && pair.substr(0, key.size()) == key)
        return pair.substr(key.size() + 1);
      if (end == kNone) return std::nullopt;
      rest.remove_prefix(end + 1);
    }
  }
};

using Reader = Part (*)(const Url&);
struct NamedPart {
  std::string_view name;
  Reader read;
};
constexpr std::array<NamedPart, 8> kParts = {{
    {"host", [](const Url& u) { return u.Host(); }},
    {"path", [](const Url& u) { return Part(u.path); }},
    {"query", [](const Url& u) { return u.query; }},
    {"ref", [](const Url& u) { return u.fragment; }},
    {"protocol", [](const Url& u) { return Part(u.scheme); }},
    {"authority", [](const Url& u) { return u.authority; }},
    {"file", [](const Url& u) { return Part(u.file); }},
    {"userinfo", [](const Url& u) { return u.User(); }},
}};

// parse_url(url, part[, key]), as in Hive and Flink: NULL where the url lacks it or is none.
NodePtr BindParseUrl(BoundCall& call) {
  if (!call.WantAll(TypeKind::kString)) return nullptr;
  const batch::Column* constant = call.WantConstant(1, "the part");
  if (constant == nullptr) return nullptr;
  std::string name;
  ChangeCase(constant->text(0), false, &name);
  const auto part = std::find_if(kParts.begin(), kParts.end(), [&](const NamedPart& p) { return p.name == name; });
  if (part == kParts.end()) {
    std::vector<std::string> names;
    for (const NamedPart& p : kParts) names.emplace_back(p.name);
    return call.FailAt(1, absl::StrCat("parse_url knows no part `", name, "`", DidYouMean(name, names),
                                       "; there are host, path, query, ref, protocol, authority, file, userinfo"));
  }
  const bool keyed = call.size() > 2;
  if (keyed && name != "query") return call.FailAt(2, "only the part `query` has keys");
  return call.Make(
      TypeKind::kString,
      [read = part->read, keyed](KernelCall& c) {
        ForLive(c, [&](int64_t i) {
          const std::optional<Url> url = Url::Parse(c.text(0, i));
          const Part part = !url ? Part() : keyed ? url->Parameter(c.text(2, i)) : read(*url);
          if (!part) return c.SetNull(i);
          c.SetView(i, *part);
        });
        c.KeepBytes(0);
      },
      kMayNull | kPartial);
}

int HexDigit(char c) {
  if (IsDigit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// The form of application/x-www-form-urlencoded, as Java's URLEncoder writes it.
void Encode(std::string_view text, std::string* out) {
  out->clear();
  for (char c : text) {
    if (IsLetter(c) || IsDigit(c) || c == '.' || c == '-' || c == '*' || c == '_') {
      out->push_back(c);
    } else if (c == ' ') {
      out->push_back('+');
    } else {
      constexpr char kDigits[] = "0123456789ABCDEF";
      const auto byte = static_cast<unsigned char>(c);
      out->append({'%', kDigits[byte >> 4], kDigits[byte & 15]});
    }
  }
}

bool Decode(std::string_view text, std::string* out) {
  out->clear();
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      out->push_back(' ');
    } else if (text[i] != '%') {
      out->push_back(text[i]);
    } else {
      if (i + 2 >= text.size()) return false;
      const int high = HexDigit(text[i + 1]), low = HexDigit(text[i + 2]);
      if (high < 0 || low < 0) return false;
      out->push_back(static_cast<char>(high * 16 + low));
      i += 2;
    }
  }
  return IsUtf8(*out);
}

NodePtr BindUrlText(BoundCall& call) {
  if (!call.WantAll(TypeKind::kString)) return nullptr;
  const bool encode = call.ast.name == "url_encode";
  return call.Make(
      TypeKind::kString,
      [encode](KernelCall& c) {
        std::string changed;
        ForLive(c, [&](int64_t i) {
          if (encode) {
            Encode(c.text(0, i), &changed);
            if (changed.size() > kMaxStringResult) return c.Fail(i, "the string would be longer than 16 MiB");
          } else if (!Decode(c.text(0, i), &changed)) {
            return c.Fail(i, "a bad %-escape, or none of UTF-8");
          }
          c.SetCopy(i, changed);
        });
      },
      kMayFail | kPartial);
}

}  // namespace

void AddUrls(FunctionTable* table) {
  (*table)["parse_url"] = {2, 3, BindParseUrl, "parse_url(url, 'host')"};
  (*table)["url_encode"] = {1, 1, BindUrlText, "url_encode(s)"};
  (*table)["url_decode"] = {1, 1, BindUrlText, "url_decode(s)"};
}

}  // namespace weir::expression
