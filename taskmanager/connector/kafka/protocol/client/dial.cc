#include "taskmanager/connector/kafka/protocol/client/dial.h"

#include <algorithm>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "taskmanager/connector/kafka/protocol/client/channel.h"
#include "taskmanager/connector/kafka/protocol/client/sasl_login.h"
#include "taskmanager/connector/kafka/protocol/client/socket_channel.h"
#include "taskmanager/connector/kafka/protocol/client/tls_channel.h"
#include "taskmanager/connector/kafka/protocol/error_code.h"

namespace weir::taskmanager::kafka::protocol {
namespace {

constexpr int32_t kMostAnswerBytes = 256 << 20;
/// Brokers close what has lain idle for ten minutes; what stands between us and them is often quicker, and silent.
constexpr SteadyMicros kMostIdle = 4 * 60'000'000LL;

/// Settings of librdkafka's that change how to prove who we are and that this client does not know.
constexpr const char* kForeignSettings[] = {"ssl.engine.location", "ssl.providers"};

class WireConnection final : public BrokerConnection {
 public:
  WireConnection(std::unique_ptr<Channel> channel, const ConnectionOptions& options, const Clock* clock)
      : channel_(std::move(channel)), client_id_(options.client_id), with_login_(options.sasl != ConnectionOptions::Sasl::kNone),
        clock_(clock), last_used_(clock->Steady()) {}

  const ApiRanges& apis() const override { return apis_; }
  const std::string& client_id() const override { return client_id_; }

  absl::StatusOr<std::string> Exchange(const std::string& frame, SteadyMicros deadline) override {
    auto answer = RoundTrip(frame, deadline);
    broken_ = broken_ || !answer.ok();
    last_used_ = clock_->Steady();
    // Brokers that want a login answer ApiVersions, and close the connection at anything else.
    const bool first = std::exchange(is_fresh_, false);
    if (answer.status().code() == absl::StatusCode::kUnavailable && first && !with_login_) {
      return absl::UnavailableError(
          absl::StrCat(answer.status().message(), " at the first request: does it want a login? (`security: {sasl: …}`)"));
    }
    return answer;
  }

  bool IsUsable() override {
    const SteadyMicros now = clock_->Steady();
    if (broken_ || now - last_used_ > kMostIdle || (login_ends_ && now > *login_ends_)) return false;
    // Nothing is to come: whatever is there now is the end of the connection.
    char byte;
    return channel_->Read(&byte, 1, 0).status().code() == absl::StatusCode::kDeadlineExceeded;
  }

  absl::Status AskVersions(SteadyMicros deadline) {
    ApiVersionsRequest request;
    request.software_name = "weir";
    request.software_version = "1";
    int16_t version = ApiVersionsRequest::kApi.newest;
    while (true) {
      const int32_t correlation = NextCorrelation();
      ASSIGN_OR_RETURN(const std::string answer,
                       Exchange(EncodeRequest(request, version, correlation, client_id_), deadline));
      // A broker that does not know the version says so in the form of version 0.
      WireReader in(answer, false);
      in.Get<int32_t>();
      const auto error = in.Get<int16_t>();
      if (in.ok() && error == kUnsupportedVersion && version > 0) {
        version = 0;
        continue;
      }
      auto response = DecodeResponse<ApiVersionsRequest>(version, correlation, answer);
      if (!response.ok()) return absl::UnavailableError(response.status().message());
      if (response->error != kNone) return absl::UnavailableError("ApiVersions: " + ErrorName(response->error));
      apis_ = ApiRanges(*std::move(response));
      is_fresh_ = true;
      return absl::OkStatus();
    }
  }

  std::unique_ptr<Channel> Release() { return std::move(channel_); }

  /// 0: for ever.
  void LoginHolds(int64_t lifetime_ms) {
    constexpr int64_t kAYear = 366LL * 24 * 3600 * 1000;
    if (lifetime_ms > 0 && lifetime_ms < kAYear) login_ends_ = clock_->Steady() + lifetime_ms * 1000 / 10 * 8;
  }

 private:
  absl::StatusOr<std::string> RoundTrip(const std::string& frame, SteadyMicros deadline) {
    RETURN_IF_ERROR(channel_->Write(frame, deadline));
    std::string in;
    size_t wanted = 4;
    bool has_size = false;
    while (true) {
      char chunk[16 << 10];
      // Never more than is due: what comes unasked is found by IsUsable.
      ASSIGN_OR_RETURN(const size_t count,
                       channel_->Read(chunk, std::min(sizeof(chunk), wanted - in.size()), deadline));
      in.append(chunk, count);
      if (in.size() < wanted) continue;
      if (has_size) break;
      const auto size = WireReader(in, false).Get<int32_t>();
      if (size < 4 || size > kMostAnswerBytes) {
        return absl::UnavailableError(
            absl::StrCat("what answers is no Kafka broker without TLS (`security: {tls: true}`), or an answer of ", size,
                         " bytes was announced"));
      }
      has_size = true;
      wanted += static_cast<size_t>(size);
    }
    in.erase(0, 4);
    return in;
  }

  std::unique_ptr<Channel> channel_;
  const std::string client_id_;
  const bool with_login_;
  const Clock* const clock_;
  ApiRanges apis_;
  SteadyMicros last_used_;
  std::optional<SteadyMicros> login_ends_;
  bool is_fresh_ = false;  // nothing was asked but the versions
  bool broken_ = false;
};

class WireDialer {
 public:
  WireDialer(const ConnectionOptions& options, const Clock* clock) : options_(options), clock_(clock) {}

  absl::StatusOr<std::unique_ptr<WireConnection>> Dial(const Endpoint& endpoint, SteadyMicros deadline) {
    auto connection = Connect(endpoint, deadline);
    if (!connection.ok()) return Annotate(connection.status(), "broker " + endpoint.ToString());
    return connection;
  }

 private:
  absl::StatusOr<std::unique_ptr<WireConnection>> Connect(const Endpoint& endpoint, SteadyMicros deadline) {
    RETURN_IF_ERROR(CheckSettings());
    ASSIGN_OR_RETURN(std::unique_ptr<Channel> channel, ConnectSocket(endpoint, clock_, deadline));
    if (options_.tls) {
      ASSIGN_OR_RETURN(const TlsContext* const tls, Tls());
      ASSIGN_OR_RETURN(channel, tls->Start(std::move(channel), endpoint.host, deadline));
    }
    auto connection = std::make_unique<WireConnection>(std::move(channel), options_, clock_);
    RETURN_IF_ERROR(connection->AskVersions(deadline));
    if (options_.sasl != ConnectionOptions::Sasl::kNone) {
      ASSIGN_OR_RETURN(const int64_t lifetime_ms, LogIn(*connection, options_, deadline));
      connection->LoginHolds(lifetime_ms);
    }
    return connection;
  }

  absl::Status CheckSettings() const {
    if (!options_.raw_client_possible()) {
      return absl::UnimplementedError("login by " + options_.sasl_mechanism + " is librdkafka's alone");
    }
    for (const char* name : kForeignSettings) {
      if (options_.properties.contains(name)) {
        return absl::UnimplementedError(absl::StrCat(name, " is librdkafka's alone"));
      }
    }
    return absl::OkStatus();
  }

  absl::StatusOr<const TlsContext*> Tls() {
    const std::lock_guard lock(mutex_);
    if (tls_ == nullptr) {
      ASSIGN_OR_RETURN(tls_, MakeTlsContext(options_));
    }
    return tls_.get();
  }

  const ConnectionOptions options_;
  const Clock* const clock_;
  std::mutex mutex_;
  std::unique_ptr<TlsContext> tls_;  // never replaced
};

}  // namespace

Dialer MakeDialer(const ConnectionOptions& options, const Clock* clock) {
  return [dialer = std::make_shared<WireDialer>(options, clock)](
             const Endpoint& endpoint, SteadyMicros deadline) -> absl::StatusOr<std::unique_ptr<BrokerConnection>> {
    return dialer->Dial(endpoint, deadline);
  };
}

ChannelDialer MakeChannelDialer(const ConnectionOptions& options, const Clock* clock) {
  return [dialer = std::make_shared<WireDialer>(options, clock)](
             const Endpoint& endpoint, SteadyMicros deadline) -> absl::StatusOr<std::unique_ptr<Channel>> {
    ASSIGN_OR_RETURN(std::unique_ptr<WireConnection> connection, dialer->Dial(endpoint, deadline));
    return connection->Release();
  };
}

}  // namespace weir::taskmanager::kafka::protocol
