#pragma once

#include <charconv>
#include <optional>
#include <string>
#include <string_view>

namespace weir {

/// HOST:PORT, also `[::1]:6123`. Nothing is resolved.
/// Thread: a value.
struct Endpoint {
  std::string host;  // without brackets
  int port = 0;

  static std::optional<Endpoint> Parse(std::string_view text) {
    const size_t colon = text.rfind(':');
    if (colon == std::string_view::npos || colon == 0) return std::nullopt;
    std::string_view host = text.substr(0, colon);
    const std::string_view digits = text.substr(colon + 1);
    if (host.front() == '[' && host.back() == ']') {
      host = host.substr(1, host.size() - 2);
    } else if (host.find(':') != std::string_view::npos) {
      return std::nullopt;  // an IPv6 address without brackets: where its port begins is a guess
    }
    Endpoint endpoint;
    endpoint.host = std::string(host);
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), endpoint.port);
    if (host.empty() || error != std::errc() || end != digits.data() + digits.size())
      return std::nullopt;
    if (endpoint.port < 0 || endpoint.port > 65535) return std::nullopt;
    return endpoint;
  }

  std::string ToString() const {
    const bool v6 = host.find(':') != std::string::npos;
    return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
  }
  /// Whether only this machine reaches it. A name other than `localhost` counts as not.
  bool IsLoopback() const {
    return host == "localhost" || host == "::1" || host.starts_with("127.");
  }
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

}  // namespace weir
