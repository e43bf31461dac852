#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

typedef struct ssl_st SSL;
typedef struct ssl_ctx_st SSL_CTX;

namespace weir::http {

/// One request as far as it is looked at.
struct Request {
  std::string method;
  std::string path;  // without `?…`
  std::string authorization;
};

/// A connection that does not block: reads one request, writes one answer, ends.
/// Thread:  confined.
class Connection {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr size_t kMaxRequestBytes = 8 * 1024;
  /// The whole answer, head and body.
  using Answer = std::function<std::string(const Request& request, std::string_view peer)>;

  /// Owns `fd`. `context`: of TLS, or null.
  Connection(int fd, SSL_CTX* context, Clock::time_point now);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Does what can be done now. False: it is over.
  bool Step(const Answer& answer, Clock::time_point now);
  int fd() const { return fd_; }
  short events() const { return events_; }  // what poll is to wait for
  Clock::time_point deadline() const { return deadline_; }
  bool answers() const { return state_ >= State::kWriting; }
  std::string peer() const;

 private:
  enum class State { kBegin, kHandshake, kReading, kWriting, kLingering };

  bool Begin(Clock::time_point now);
  bool Handshake();
  bool Read(const Answer& answer, Clock::time_point now);
  bool Write();
  bool Linger();
  /// Bytes; 0: later; -1: over.
  long ReadSome(char* to, size_t size);
  long WriteSome(const char* from, size_t size);
  long OfTls(int result);
  void AnswerAll(std::string answer, Clock::time_point now);

  const int fd_;
  SSL_CTX* const context_;
  SSL* ssl_ = nullptr;
  State state_ = State::kBegin;
  short events_;
  Clock::time_point deadline_;
  std::string in_;
  std::string out_;
  size_t written_ = 0;
  size_t dropped_ = 0;
};

/// Head and body of an answer that ends the connection.
std::string FormatResponse(int code, std::string_view content_type, std::string_view body,
                           bool with_body = true);

}  // namespace weir::http
