#include "taskmanager/connector/kafka/protocol/client/sasl_login.h"

#include <openssl/rand.h>

#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status_macros.h"
#include "taskmanager/connector/kafka/protocol/error_code.h"
#include "taskmanager/connector/kafka/protocol/scram.h"

namespace weir::taskmanager::kafka::protocol {
namespace {

using Sasl = ConnectionOptions::Sasl;

const char* NameOf(Sasl mechanism) {
  return mechanism == Sasl::kPlain ? "PLAIN" : mechanism == Sasl::kScramSha256 ? "SCRAM-SHA-256" : "SCRAM-SHA-512";
}

/// One step: kUnauthenticated when the broker refuses.
absl::StatusOr<SaslAuthenticateResponse> Step(BrokerConnection& broker, std::string bytes, SteadyMicros deadline) {
  SaslAuthenticateRequest request;
  request.bytes = std::move(bytes);
  ASSIGN_OR_RETURN(SaslAuthenticateResponse response, Call(broker, request, deadline));
  if (response.error == kNone) return response;
  const std::string why = response.message.empty() ? ErrorName(response.error) : response.message;
  if (IsPassing(response.error)) return absl::UnavailableError(why);
  return absl::UnauthenticatedError(why);
}

absl::StatusOr<std::string> Nonce() {
  unsigned char random[24];
  if (RAND_bytes(random, sizeof(random)) != 1) return absl::InternalError("no random numbers");
  return absl::WebSafeBase64Escape(absl::string_view(reinterpret_cast<char*>(random), sizeof(random)));
}

absl::StatusOr<int64_t> RunScram(BrokerConnection& broker, const ConnectionOptions& options, SteadyMicros deadline) {
  ASSIGN_OR_RETURN(std::string nonce, Nonce());
  ScramClient scram(
      options.sasl == Sasl::kScramSha256 ? ScramClient::Hash::kSha256 : ScramClient::Hash::kSha512,
      options.username, options.password, std::move(nonce));
  ASSIGN_OR_RETURN(const SaslAuthenticateResponse first, Step(broker, scram.FirstMessage(), deadline));
  ASSIGN_OR_RETURN(std::string final_message, scram.FinalMessage(first.bytes));
  ASSIGN_OR_RETURN(const SaslAuthenticateResponse last, Step(broker, std::move(final_message), deadline));
  RETURN_IF_ERROR(scram.Verify(last.bytes));
  return last.session_lifetime_ms;
}

}  // namespace

absl::StatusOr<int64_t> LogIn(BrokerConnection& broker, const ConnectionOptions& options, SteadyMicros deadline) {
  const std::string mechanism = NameOf(options.sasl);
  SaslHandshakeRequest handshake;
  handshake.mechanism = mechanism;
  ASSIGN_OR_RETURN(const SaslHandshakeResponse offered, Call(broker, handshake, deadline));
  if (offered.error == kUnsupportedSaslMechanism) {
    return absl::UnauthenticatedError(absl::StrCat("the broker has no login by ", mechanism, ", but by ",
                                                   absl::StrJoin(offered.mechanisms, ", "), ": set `security: {sasl: {mechanism: …}}`"));
  }
  if (offered.error != kNone) {
    return absl::UnauthenticatedError(absl::StrCat(
        "login by ", mechanism, ": ", ErrorName(offered.error), ": is this a port with a login?"));
  }
  absl::StatusOr<int64_t> lifetime;
  if (options.sasl == Sasl::kPlain) {
    std::string message;
    message.append(1, '\0').append(options.username).append(1, '\0').append(options.password);
    const auto response = Step(broker, std::move(message), deadline);
    lifetime = response.ok() ? absl::StatusOr<int64_t>(response->session_lifetime_ms) : response.status();
  } else {
    lifetime = RunScram(broker, options, deadline);
  }
  if (!lifetime.ok()) {
    return Annotate(lifetime.status(), absl::StrCat("login by ", mechanism, " as ", options.username));
  }
  return lifetime;
}

}  // namespace weir::taskmanager::kafka::protocol
