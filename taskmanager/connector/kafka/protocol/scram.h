#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace weir::taskmanager::kafka::protocol {

/// The client's side of a SCRAM login: three messages there, two back, without channel binding. Proves to the broker
/// that we know the password, and to us that the broker does.
/// Thread: confined.
/// Source: RFC 5802, RFC 7677.
class ScramClient {
 public:
  enum class Hash : uint8_t { kSha256, kSha512 };

  /// `nonce`: random, printable, without a comma.
  ScramClient(Hash hash, std::string username, std::string password, std::string nonce);

  std::string FirstMessage() const;
  /// The answer to the broker's first message. kUnauthenticated: the message is not one of SCRAM, or asks for too little
  /// or too much work.
  absl::StatusOr<std::string> FinalMessage(std::string_view server_first);
  /// kUnauthenticated: the broker does not know the password, or refused ours.
  absl::Status Verify(std::string_view server_final) const;

 private:
  const Hash hash_;
  const std::string username_, password_, nonce_;
  std::string expected_signature_;
};

}  // namespace weir::taskmanager::kafka::protocol
