#include "common/net/connection_gate.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <condition_variable>
#include <mutex>
#include <string>
#include <vector>

#include "common/security/refusals.h"

namespace weir::net {
namespace {

using security::Refusal;
using security::Refused;

const std::string kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const std::string kHello("\x16\x03\x01\x00\x05hello", 10);

class Client {
 public:
  explicit Client(const ConnectionGate& gate) : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(gate.port()));
    inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
    REQUIRE(connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
    sockaddr_in own{};
    socklen_t size = sizeof(own);
    getsockname(fd_, reinterpret_cast<sockaddr*>(&own), &size);
    name_ = "ipv4:127.0.0.1:" + std::to_string(ntohs(own.sin_port));
  }
  ~Client() { close(fd_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  void Send(const std::string& bytes) { CHECK(send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) > 0); }
  /// Waits until the other side has closed it.
  bool AwaitClosed() {
    pollfd polled{fd_, POLLIN, 0};
    char byte = 0;
    return poll(&polled, 1, 30'000) == 1 && recv(fd_, &byte, 1, 0) <= 0;
  }
  const std::string& name() const { return name_; }

 private:
  int fd_;
  std::string name_;
};

struct Fixture {
  explicit Fixture(ConnectionGate::Options options) {
    auto opened = ConnectionGate::Open("127.0.0.1:0", options);
    REQUIRE(opened.ok());
    gate = *std::move(opened);
    gate->Serve([this](int fd) {
      std::lock_guard lock(mutex);
      admitted.push_back(fd);
      changed.notify_all();
    });
  }
  ~Fixture() {
    gate->Stop();
    for (const int fd : admitted) close(fd);
  }
  bool AwaitAdmitted(size_t count) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, std::chrono::seconds(30), [&] { return admitted.size() >= count; });
  }
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<int> admitted;
  std::unique_ptr<ConnectionGate> gate;
};

TEST_CASE("gate: what speaks HTTP/2 is handed over with all its bytes") {
  Fixture f({});
  Client client(*f.gate);
  client.Send(kPreface.substr(0, 10));
  client.Send(kPreface.substr(10) + "more");
  REQUIRE(f.AwaitAdmitted(1));
  std::string read(64, '\0');
  pollfd polled{f.admitted[0], POLLIN, 0};
  REQUIRE(poll(&polled, 1, 30'000) == 1);
  read.resize(static_cast<size_t>(recv(f.admitted[0], read.data(), read.size(), 0)));
  CHECK(read.starts_with(kPreface));
}

TEST_CASE("gate: other bytes, TLS to a plain port and plain text to a TLS port are closed and counted") {
  Fixture plain({});
  Fixture tls({.tls = true});
  const int64_t other = Refused(Refusal::kOtherProtocol), to_plain = Refused(Refusal::kTlsToPlainPort),
                text = Refused(Refusal::kPlainText);
  Client random(*plain.gate);
  random.Send(std::string(100, '\xfe'));
  CHECK(random.AwaitClosed());
  Client hello(*plain.gate);
  hello.Send(kHello + std::string(50, 'x'));
  CHECK(hello.AwaitClosed());
  Client preface(*tls.gate);
  preface.Send(kPreface);
  CHECK(preface.AwaitClosed());
  Client get(*tls.gate);
  get.Send("GET / HTTP/1.1\r\n\r\n");
  CHECK(get.AwaitClosed());
  Client good(*tls.gate);
  good.Send(kHello);
  CHECK(tls.AwaitAdmitted(1));
  CHECK(Refused(Refusal::kOtherProtocol) == other + 1);
  CHECK(Refused(Refusal::kTlsToPlainPort) == to_plain + 1);
  CHECK(Refused(Refusal::kPlainText) == text + 2);
  CHECK(plain.admitted.empty());
}

TEST_CASE("gate: silent connections have an end, and do not keep others out") {
  Fixture patient({.max_silent = 3, .patience = std::chrono::hours(1)});
  Client first(*patient.gate);
  std::vector<std::unique_ptr<Client>> more;
  for (int i = 0; i < 3; ++i) more.push_back(std::make_unique<Client>(*patient.gate));
  CHECK(first.AwaitClosed());  // displaced
  Client speaks(*patient.gate);
  speaks.Send(kPreface);
  CHECK(patient.AwaitAdmitted(1));

  Fixture hasty({.patience = std::chrono::milliseconds(1)});
  Client slow(*hasty.gate);
  slow.Send("PRI");
  CHECK(slow.AwaitClosed());
}

TEST_CASE("gate: when it is full, the oldest without an admitted call goes; never one with") {
  Fixture f({.max_connections = 2});
  Client trusted(*f.gate);
  trusted.Send(kPreface);
  REQUIRE(f.AwaitAdmitted(1));
  f.gate->Trust(trusted.name());
  Client idle(*f.gate);
  idle.Send(kPreface);
  REQUIRE(f.AwaitAdmitted(2));
  Client next(*f.gate);
  next.Send(kPreface);
  CHECK(idle.AwaitClosed());
  REQUIRE(f.AwaitAdmitted(3));
  f.gate->Trust(next.name());
  Client refused(*f.gate);
  refused.Send(kPreface);
  CHECK(refused.AwaitClosed());
  CHECK(f.admitted.size() == 3);
  // One that has ended makes room.
  shutdown(f.admitted[0], SHUT_RDWR);
  CHECK(trusted.AwaitClosed());
  close(f.admitted[0]);
  f.admitted[0] = dup(0);
  bool room = false;
  for (int i = 0; i < 200 && !room; ++i) {
    Client again(*f.gate);
    again.Send(kPreface);
    room = [&] {
      std::unique_lock lock(f.mutex);
      return f.changed.wait_for(lock, std::chrono::milliseconds(50), [&] { return f.admitted.size() > 3; });
    }();
  }
  CHECK(room);
}

}  // namespace
}  // namespace weir::net
