#pragma once

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include "absl/status/statusor.h"
#include "common/net/listening.h"

namespace weir::net {

/// Stands before a gRPC server: takes connections, waits for their first bytes, and hands over those
/// that speak what the port speaks. So connections that say nothing, or something else, cost a
/// descriptor here and nothing there.
///
/// Thread:  Open, Serve, Stop and the destructor from one thread; `admit` is called on the gate's
///          own; Trust from any.
/// Bound:   `max_silent` that have not spoken (then the oldest goes), for at most `patience`;
///          `max_connections` that were handed over: then the oldest of which no call was admitted
///          is broken for the new one, and when there is none the new one is refused.
/// Errors:  Open: as Listening::On. What is refused is counted and logged (security/refusals.h).
class ConnectionGate {
 public:
  struct Options {
    bool tls = false;  // what the port speaks: TLS, else HTTP/2 in plain text
    size_t max_connections = 2048;
    size_t max_silent = 512;
    std::chrono::milliseconds patience{5000};
  };
  static absl::StatusOr<std::unique_ptr<ConnectionGate>> Open(const std::string& listen,
                                                              const Options& options);
  ~ConnectionGate();  // stops
  ConnectionGate(const ConnectionGate&) = delete;
  ConnectionGate& operator=(const ConnectionGate&) = delete;

  /// `admit` owns the descriptor that it is given: connected, not blocking.
  void Serve(std::function<void(int fd)> admit);
  /// Takes no more connections. Idempotent.
  void Stop();
  /// A call on the connection from `peer` (as gRPC names it) was admitted.
  void Trust(std::string_view peer);

  const std::string& address() const { return listening_.address(); }
  int port() const { return listening_.port(); }

 private:
  using Clock = std::chrono::steady_clock;
  struct Silent {
    int fd;
    Clock::time_point deadline;
  };
  struct Admitted {
    int fd;
    ino_t socket;  // tells whether the descriptor is still this connection's
    std::list<std::string>::iterator order;
    bool trusted = false;
  };

  ConnectionGate(Listening listening, const Options& options);
  void Main();
  void Accept(int listener);
  /// True when the connection is not ours any more.
  bool Hear(const Silent& silent, bool over);
  void Admit(int fd);
  bool MakeRoom();
  void Forget(std::unordered_map<std::string, Admitted>::iterator it);

  Listening listening_;
  const Options options_;
  std::function<void(int)> admit_;
  std::atomic<bool> stopping_{false};
  int wake_ = -1;
  std::thread thread_;
  std::vector<Silent> silent_;  // oldest first
  Clock::time_point accept_again_{};

  std::mutex mutex_;
  std::unordered_map<std::string, Admitted> admitted_;  // by peer
  std::list<std::string> untrusted_;                    // oldest first
  Clock::time_point sweep_again_{};
};

}  // namespace weir::net
