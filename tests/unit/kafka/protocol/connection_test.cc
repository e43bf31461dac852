// The dialer against a listener of this process that does what brokers do, and what they should not.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/clock/system_clock.h"
#include "taskmanager/connector/kafka/protocol/client/broker_pool.h"
#include "taskmanager/connector/kafka/protocol/client/coordinator.h"
#include "taskmanager/connector/kafka/protocol/client/dial.h"
#include "taskmanager/connector/kafka/protocol/error_code.h"

namespace weir::taskmanager::kafka::protocol {
namespace {

/// Serves connections: each frame goes to `answer`, whose bytes are sent as they are; "" closes.
class Listener {
 public:
  explicit Listener(std::function<std::string(const std::string& frame)> answer) : answer_(std::move(answer)) {
    fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    REQUIRE(bind(fd_, reinterpret_cast<sockaddr*>(&address), size) == 0);
    REQUIRE(listen(fd_, 8) == 0);
    getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { Accept(); });
  }
  ~Listener() {
    shutdown(fd_, SHUT_RDWR);
    thread_.join();
    close(fd_);
  }
  Endpoint endpoint() const { return {"127.0.0.1", port_}; }
  int connections() const { return connections_; }

 private:
  void Accept() {
    std::vector<std::thread> served;
    for (int connection; (connection = accept(fd_, nullptr, nullptr)) >= 0;) {
      ++connections_;
      served.emplace_back([this, connection] { Serve(connection); });
    }
    for (std::thread& thread : served) thread.join();
  }
  void Serve(int connection) {
    const timeval patience{20, 0};
    setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    while (true) {
      std::string head(4, '\0');
      if (recv(connection, head.data(), 4, MSG_WAITALL) != 4) break;
      const auto size = WireReader(head, false).Get<int32_t>();
      if (size < 0 || size > 1 << 20) break;
      std::string frame(static_cast<size_t>(size), '\0');
      if (recv(connection, frame.data(), frame.size(), MSG_WAITALL) != size) break;
      const std::string answer = answer_(frame);
      if (answer.empty()) break;
      send(connection, answer.data(), answer.size(), MSG_NOSIGNAL);
    }
    close(connection);
  }

  const std::function<std::string(const std::string&)> answer_;
  int fd_ = -1;
  int port_ = 0;
  std::atomic<int> connections_{0};
  std::thread thread_;
};

struct Request {
  int16_t key, version;
  int32_t correlation;
  explicit Request(const std::string& frame) {
    WireReader in(frame, false);
    key = in.Get<int16_t>();
    version = in.Get<int16_t>();
    correlation = in.Get<int32_t>();
  }
};

std::string Framed(int32_t correlation, const std::function<void(WireWriter&)>& body, bool flexible = false) {
  std::string answer(4, '\0');
  WireWriter(&answer, false).Put(correlation);
  WireWriter out(&answer, flexible);
  body(out);
  FinishFrame(&answer);
  return answer;
}

/// Version 0 of ApiVersions, with all that this client may ask for.
std::string OldVersions(const Request& request, int16_t error = 0) {
  return Framed(request.correlation, [&](WireWriter& out) {
    out.Put(error);
    const std::vector<int16_t> keys{3, 10, 17, 18, 26, 36};
    out.PutArraySize(keys.size());
    for (const int16_t key : keys) {
      out.Put(key);
      out.Put(int16_t{0});
      out.Put(int16_t{4});
    }
  });
}

SteadyMicros In(SteadyMicros millis) {
  static const SystemClock clock;
  return clock.Steady() + millis * 1000;
}

absl::StatusOr<std::unique_ptr<BrokerConnection>> Dial(const Listener& listener, const ConnectionOptions& options,
                                                       SteadyMicros millis = 20'000) {
  static const SystemClock clock;
  return MakeDialer(options, &clock)(listener.endpoint(), In(millis));
}

std::string AsOldBroker(const std::string& frame) {
  const Request request(frame);
  if (request.key == 18) return OldVersions(request, request.version == 0 ? 0 : 35);
  return "";
}

TEST_CASE("a broker that does not know our version of ApiVersions is asked in the oldest") {
  Listener listener(AsOldBroker);
  const auto connection = Dial(listener, {});
  INFO(connection.status().ToString());
  REQUIRE(connection.ok());
  CHECK(*(*connection)->apis().Pick(EndTxnRequest::kApi) == 4);
  CHECK(*(*connection)->apis().Pick(MetadataRequest::kApi) == 4);
  CHECK((*connection)->apis().Pick(FetchRequest::kApi).status().code() == absl::StatusCode::kUnimplemented);
  CHECK((*connection)->apis().Pick(OffsetFetchRequest::kApi).status().code() == absl::StatusCode::kUnimplemented);
  CHECK((*connection)->IsUsable());
}

TEST_CASE("nobody listens") {
  Endpoint gone;
  {
    Listener listener(AsOldBroker);
    gone = listener.endpoint();
  }
  static const SystemClock clock;
  const absl::Status status = MakeDialer({}, &clock)(gone, In(20'000)).status();
  CHECK(status.code() == absl::StatusCode::kUnavailable);
  CHECK(status.message().find(std::string(gone.ToString())) != absl::string_view::npos);
}

TEST_CASE("a host name that is not known") {
  static const SystemClock clock;
  const absl::Status status = MakeDialer({}, &clock)({"no-such-host.invalid", 9092}, In(20'000)).status();
  CHECK(status.code() == absl::StatusCode::kUnavailable);
  CHECK(status.message().find("no-such-host.invalid") != absl::string_view::npos);
}

TEST_CASE("what is no Kafka broker") {
  for (const std::string& answer : {std::string("HTTP/1.1 400 Bad Request\r\n\r\n"),
                                    std::string("\x15\x03\x03\x00\x02\x02\x50", 7), std::string(8, '\0')}) {
    Listener listener([&](const std::string&) { return answer; });
    const absl::Status status = Dial(listener, {}).status();
    INFO(status.ToString());
    CHECK(status.code() == absl::StatusCode::kUnavailable);
    CHECK(status.message().find("no Kafka broker without TLS") != absl::string_view::npos);
  }
}

TEST_CASE("a broker that says nothing, or stops in the middle, ends at the deadline") {
  for (const std::string& answer : {std::string("\0\0", 2), std::string("\0\0\0\x40\0\0\0\1", 8)}) {
    Listener listener([&](const std::string&) { return answer; });
    CHECK(Dial(listener, {}, 100).status().code() == absl::StatusCode::kDeadlineExceeded);
  }
}

TEST_CASE("a broker that closes at the first request may want a login") {
  Listener listener(AsOldBroker);
  auto connection = Dial(listener, {});
  REQUIRE(connection.ok());
  const absl::Status status = Call(**connection, FindCoordinatorRequest{"x"}, In(20'000)).status();
  CHECK(status.code() == absl::StatusCode::kUnavailable);
  CHECK(status.message().find("does it want a login?") != absl::string_view::npos);
  CHECK_FALSE((*connection)->IsUsable());
}

TEST_CASE("an idle connection that the broker has closed is not used") {
  Listener listener([](const std::string& frame) {
    const Request request(frame);
    return request.key == 18 ? OldVersions(request, request.version == 0 ? 0 : 35)
                             : Framed(request.correlation, [](WireWriter& out) { out.PutRaw("xy"); }) + "unasked";
  });
  auto connection = Dial(listener, {});
  REQUIRE(connection.ok());
  CHECK((*connection)->IsUsable());
  REQUIRE((*connection)->Exchange(EncodeRequest(EndTxnRequest{"x"}, 0, 9, "c"), In(20'000)).ok());
  // What was not asked for has come with the answer or comes soon.
  const SteadyMicros patience = In(20'000);
  while ((*connection)->IsUsable() && In(0) < patience) std::this_thread::yield();
  CHECK_FALSE((*connection)->IsUsable());
}

ConnectionOptions WithLogin(ConnectionOptions::Sasl sasl) {
  ConnectionOptions options;
  options.sasl = sasl;
  options.username = "alice";
  options.password = "secret-93";
  return options;
}

/// A broker with a login by PLAIN, as versions 0 and 1 of the requests have it.
Listener PlainBroker(int16_t handshake_error, int16_t error, std::string* sent) {
  return Listener([=](const std::string& frame) {
    const Request request(frame);
    if (request.key == 18) return OldVersions(request, request.version == 0 ? 0 : 35);
    if (request.key == 17) {
      return Framed(request.correlation, [&](WireWriter& out) {
        out.Put(handshake_error);
        out.PutArraySize(1);
        out.PutString("PLAIN");
      });
    }
    *sent = frame;
    return Framed(
        request.correlation,
        [&](WireWriter& out) {
          out.EndStruct();
          out.Put(error);
          error == 0 ? out.PutNullString() : out.PutString("Invalid username or password");
          out.PutBytes("");
          out.Put(int64_t{0});
          out.EndStruct();
        },
        true);
  });
}

TEST_CASE("PLAIN: name and password go out once, and never into an error") {
  std::string sent;
  {
    Listener listener = PlainBroker(0, 0, &sent);
    const auto connection = Dial(listener, WithLogin(ConnectionOptions::Sasl::kPlain));
    INFO(connection.status().ToString());
    REQUIRE(connection.ok());
  }
  CHECK(sent.find(std::string("\0alice\0secret-93", 16)) != std::string::npos);
  {
    Listener listener = PlainBroker(0, 58, &sent);
    const absl::Status status = Dial(listener, WithLogin(ConnectionOptions::Sasl::kPlain)).status();
    CHECK(status.code() == absl::StatusCode::kUnauthenticated);
    for (const char* word : {"PLAIN", "alice", "Invalid username or password"}) {
      CHECK(status.message().find(word) != absl::string_view::npos);
    }
    CHECK(status.message().find("secret-93") == absl::string_view::npos);
  }
  {
    Listener listener = PlainBroker(33, 0, &sent);
    const absl::Status status = Dial(listener, WithLogin(ConnectionOptions::Sasl::kScramSha512)).status();
    CHECK(status.code() == absl::StatusCode::kUnauthenticated);
    CHECK(status.message().find("no login by SCRAM-SHA-512, but by PLAIN") != absl::string_view::npos);
  }
}

TEST_CASE("a login that this client lacks") {
  static const SystemClock clock;
  ConnectionOptions options = WithLogin(ConnectionOptions::Sasl::kOther);
  options.sasl_mechanism = "GSSAPI";
  options.brokers = {"127.0.0.1:1"};
  const auto coordinator = MakeCoordinator(options, &clock);
  CHECK_FALSE(*coordinator->Supported(In(20'000)));
  CHECK(coordinator->ClusterId(In(20'000)).status().code() == absl::StatusCode::kUnimplemented);
}

TEST_CASE("files of certificates that cannot be used") {
  Listener listener(AsOldBroker);
  ConnectionOptions options;
  options.tls = true;
  options.ca_file = "no-such-file.pem";
  const absl::Status status = Dial(listener, options).status();
  CHECK(status.code() == absl::StatusCode::kInvalidArgument);
  CHECK(status.message().find("no-such-file.pem") != absl::string_view::npos);
}

TEST_CASE("TLS at a port without it") {
  // A hello is no frame that could be: the listener closes.
  Listener listener(AsOldBroker);
  ConnectionOptions options;
  options.tls = true;
  const absl::Status status = Dial(listener, options).status();
  CHECK(status.code() == absl::StatusCode::kUnavailable);
  CHECK(status.message().find("without TLS?") != absl::string_view::npos);
}

TEST_CASE("four threads, one pool: at most four connections, and no request is lost") {
  std::atomic<int> requests{0};
  Listener listener([&](const std::string& frame) -> std::string {
    const Request request(frame);
    if (request.key == 18) return OldVersions(request, request.version == 0 ? 0 : 35);
    ++requests;
    return Framed(request.correlation, [](WireWriter& out) { out.PutRaw("xy"); });
  });
  static const SystemClock clock;
  BrokerPool pool(MakeDialer({}, &clock), &clock);
  std::vector<std::thread> threads;
  std::atomic<int> ok{0};
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 50; ++j) {
        const absl::Status status = pool.With(listener.endpoint(), In(20'000), [&](BrokerConnection& broker) {
          return broker.Exchange(EncodeRequest(EndTxnRequest{"x"}, 0, 9, "c"), In(20'000)).status();
        });
        ok += status.ok() ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(ok == 200);
  CHECK(requests == 200);
  CHECK(listener.connections() <= 4);
}

}  // namespace
}  // namespace weir::taskmanager::kafka::protocol
