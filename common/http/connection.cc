#include "common/http/connection.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/net/listening.h"
#include "common/security/refusals.h"
#include "common/security/tls_server_context.h"

namespace weir::http {
namespace {

using security::Refusal;
using security::Refuse;

constexpr auto kToAsk = std::chrono::seconds(5);
constexpr auto kToTake = std::chrono::seconds(10);

const char* Reason(int code) {
  switch (code) {
    case 200: return "OK";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 431: return "Request Header Fields Too Large";
    case 503: return "Service Unavailable";
    default: return "Status";
  }
}

/// Nothing when it is no request of HTTP/1.
std::optional<Request> ParseRequest(std::string_view head) {
  const std::string_view line = head.substr(0, head.find("\r\n"));
  const size_t first = line.find(' ');
  const size_t last = line.rfind(' ');
  if (first == std::string_view::npos || last <= first + 1 || line.substr(last + 1).substr(0, 7) != "HTTP/1.")
    return std::nullopt;
  Request request;
  request.method = std::string(line.substr(0, first));
  const std::string_view target = line.substr(first + 1, last - first - 1);
  request.path = std::string(target.substr(0, target.find('?')));
  constexpr std::string_view kAuthorization = "authorization:";
  for (size_t at = head.find("\r\n"); at != std::string_view::npos; at = head.find("\r\n", at + 2)) {
    const std::string_view field = head.substr(at + 2, head.find("\r\n", at + 2) - at - 2);
    if (field.size() < kAuthorization.size() ||
        !absl::EqualsIgnoreCase(absl::string_view(field.data(), kAuthorization.size()),
                                absl::string_view(kAuthorization.data(), kAuthorization.size())))
      continue;
    std::string_view value = field.substr(kAuthorization.size());
    while (!value.empty() && value.front() == ' ') value.remove_prefix(1);
    while (!value.empty() && value.back() == ' ') value.remove_suffix(1);
    request.authorization = std::string(value);
  }
  return request;
}

}  // namespace

std::string FormatResponse(int code, std::string_view content_type, std::string_view body, bool with_body) {
  std::string text = absl::StrCat("HTTP/1.1 ", code, " ", Reason(code), "\r\nContent-Type: ",
                                  absl::string_view(content_type.data(), content_type.size()),
                                  "\r\nContent-Length: ", body.size(), "\r\nConnection: close\r\n",
                                  code == 401 ? "WWW-Authenticate: Bearer\r\n" : "", "\r\n");
  if (with_body) text.append(body);
  return text;
}

Connection::Connection(int fd, SSL_CTX* context, Clock::time_point now)
    : fd_(fd), context_(context), events_(POLLIN), deadline_(now + kToAsk) {}

Connection::~Connection() {
  if (ssl_ != nullptr) SSL_free(ssl_);
  close(fd_);
}

std::string Connection::peer() const { return net::PeerOf(fd_); }

bool Connection::Step(const Answer& answer, Clock::time_point now) {
  if (state_ == State::kBegin && !Begin(now)) return false;
  if (state_ == State::kHandshake && !Handshake()) return false;
  if (state_ == State::kReading && !Read(answer, now)) return false;
  if (state_ == State::kWriting && !Write()) return false;
  return state_ != State::kLingering || Linger();
}

bool Connection::Begin(Clock::time_point now) {
  unsigned char first = 0;
  const ssize_t n = recv(fd_, &first, 1, MSG_PEEK);
  if (n < 0) return errno == EAGAIN || errno == EINTR;
  if (n == 0) return false;
  constexpr unsigned char kTlsHandshake = 0x16;
  if (context_ == nullptr) {
    if (first == kTlsHandshake) {
      Refuse(Refusal::kTlsToPlainPort, "TLS to an HTTP port that speaks plain text", peer());
      return false;
    }
    state_ = State::kReading;
    return true;
  }
  if (first != kTlsHandshake) {
    Refuse(first >= 'A' && first <= 'Z' ? Refusal::kPlainText : Refusal::kOtherProtocol,
           "plain text to an HTTP port that speaks TLS", peer());
    AnswerAll(FormatResponse(400, "text/plain", "this port speaks TLS: https://\n"), now);
    return true;
  }
  ssl_ = SSL_new(context_);
  if (ssl_ == nullptr || SSL_set_fd(ssl_, fd_) != 1) return false;
  state_ = State::kHandshake;
  return true;
}

bool Connection::Handshake() {
  ERR_clear_error();
  const int result = SSL_accept(ssl_);
  if (result == 1) {
    state_ = State::kReading;
    events_ = POLLIN;
    return true;
  }
  if (OfTls(result) == 0) return true;
  Refuse(Refusal::kTlsHandshake,
         absl::StrCat("a connection to the HTTP port whose handshake failed: ", security::TlsErrors()), peer());
  return false;
}

bool Connection::Read(const Answer& answer, Clock::time_point now) {
  char buffer[4096];
  while (true) {
    const long n = ReadSome(buffer, sizeof(buffer));
    if (n < 0) return false;
    if (n == 0) return true;
    in_.append(buffer, static_cast<size_t>(n));
    const size_t end = in_.find("\r\n\r\n");
    if (end != std::string::npos && end <= kMaxRequestBytes) {
      const std::optional<Request> request = ParseRequest(std::string_view(in_).substr(0, end));
      if (!request) {
        Refuse(Refusal::kOtherProtocol, "bytes to an HTTP port that are no request", peer());
        AnswerAll(FormatResponse(400, "text/plain", "not a request\n"), now);
      } else {
        AnswerAll(answer(*request, peer()), now);
      }
      return true;
    }
    if (in_.size() > kMaxRequestBytes) {
      Refuse(Refusal::kOtherProtocol, "a request of more than 8 KiB", peer());
      AnswerAll(FormatResponse(431, "text/plain", "at most 8 KiB\n"), now);
      return true;
    }
  }
}

void Connection::AnswerAll(std::string answer, Clock::time_point now) {
  out_ = std::move(answer);
  state_ = State::kWriting;
  deadline_ = now + kToTake;
}

bool Connection::Write() {
  while (written_ < out_.size()) {
    const long n = WriteSome(out_.data() + written_, out_.size() - written_);
    if (n < 0) return false;
    if (n == 0) return true;
    written_ += static_cast<size_t>(n);
  }
  if (ssl_ != nullptr) {
    ERR_clear_error();
    SSL_shutdown(ssl_);
  }
  // Closed with bytes of the peer unread the kernel would send a reset, and the answer may be lost.
  shutdown(fd_, SHUT_WR);
  state_ = State::kLingering;
  events_ = POLLIN;
  return true;
}

bool Connection::Linger() {
  char buffer[4096];
  while (dropped_ < 64 * 1024) {
    const ssize_t n = recv(fd_, buffer, sizeof(buffer), 0);
    if (n < 0) return errno == EAGAIN || errno == EINTR;
    if (n == 0) return false;
    dropped_ += static_cast<size_t>(n);
  }
  return false;
}

long Connection::ReadSome(char* to, size_t size) {
  if (ssl_ != nullptr) {
    ERR_clear_error();
    const int n = SSL_read(ssl_, to, static_cast<int>(size));
    return n > 0 ? n : OfTls(n);
  }
  const ssize_t n = recv(fd_, to, size, 0);
  if (n > 0) return n;
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
    events_ = POLLIN;
    return 0;
  }
  return -1;
}

long Connection::WriteSome(const char* from, size_t size) {
  if (ssl_ != nullptr) {
    ERR_clear_error();
    const int n = SSL_write(ssl_, from, static_cast<int>(std::min<size_t>(size, 1 << 20)));
    return n > 0 ? n : OfTls(n);
  }
  const ssize_t n = send(fd_, from, size, MSG_NOSIGNAL);
  if (n > 0) return n;
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
    events_ = POLLOUT;
    return 0;
  }
  return -1;
}

long Connection::OfTls(int result) {
  switch (SSL_get_error(ssl_, result)) {
    case SSL_ERROR_WANT_READ:
      events_ = POLLIN;
      return 0;
    case SSL_ERROR_WANT_WRITE:
      events_ = POLLOUT;
      return 0;
    default:
      return -1;
  }
}

}  // namespace weir::http
