#include "common/http/http_server.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <vector>

#include "common/base/endpoint.h"
#include "tests/support/temporary_folder.h"

namespace weir::http {
namespace {

/// Sends `request` to a server on loopback and reads to the end.
std::string Exchange(int port, const std::string& request) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
  std::string answer;
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0) {
    (void)!write(fd, request.data(), request.size());
    char buffer[4096];
    for (ssize_t n; (n = read(fd, buffer, sizeof(buffer))) > 0;)
      answer.append(buffer, static_cast<size_t>(n));
  }
  close(fd);
  return answer;
}

std::string Get(int port, const std::string& path) {
  return Exchange(port, "GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n");
}

TEST_CASE("HttpServer: answers its paths, 404 for others") {
  HttpServer server;
  server.Get("/healthz", [] { return Response{.code = 503, .body = "storage unavailable\n"}; });
  server.Get("/metrics", [] {
    return Response{.content_type = "text/plain; version=0.0.4", .body = "up 1\n"};
  });
  auto address = server.Start("127.0.0.1:0");
  REQUIRE(address.ok());
  const int port = Endpoint::Parse(*address)->port;
  CHECK(Get(port, "/metrics").find("200 OK") != std::string::npos);
  CHECK(Get(port, "/metrics").find("version=0.0.4") != std::string::npos);
  CHECK(Get(port, "/metrics").find("\r\n\r\nup 1\n") != std::string::npos);
  CHECK(Get(port, "/healthz").find(" 503 ") != std::string::npos);
  CHECK(Get(port, "/other").find(" 404 ") != std::string::npos);
  CHECK(Exchange(port, "nonsense\r\n\r\n").find(" 400 ") != std::string::npos);
}

TEST_CASE("HttpServer: a taken port is an error that names it, and is free again after Stop") {
  HttpServer first;
  auto address = first.Start("127.0.0.1:0");
  REQUIRE(address.ok());
  HttpServer second;
  auto taken = second.Start(*address);
  CHECK(taken.status().code() == absl::StatusCode::kAlreadyExists);
  CHECK(std::string(taken.status().message()).find(*address) != std::string::npos);
  first.Stop();
  first.Stop();
  HttpServer third;
  CHECK(third.Start(*address).ok());
}

TEST_CASE("HttpServer: wrong and open addresses are refused") {
  HttpServer server;
  for (const char* wrong :
       {"", "8081", "localhost", "localhost:x", "127.0.0.1:70000", "::1:80", "0.0.0.0:0"}) {
    CAPTURE(wrong);
    CHECK(server.Start(wrong).status().code() == absl::StatusCode::kInvalidArgument);
  }
  CHECK(server.Start("0.0.0.0:0", true).ok());
}

TEST_CASE("HttpServer: connections that say nothing, or too little, hold up nobody") {
  HttpServer server;
  server.Get("/healthz", [] { return Response{.body = "ok"}; });
  auto address = server.Start("127.0.0.1:0");
  REQUIRE(address.ok());
  const int port = Endpoint::Parse(*address)->port;
  std::vector<int> silent;
  for (int i = 0; i < 400; ++i) {  // more than it keeps
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<uint16_t>(port));
    inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
    REQUIRE(connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof(to)) == 0);
    if (i % 2 == 0) CHECK(send(fd, "GET /heal", 9, MSG_NOSIGNAL) == 9);
    silent.push_back(fd);
    if (i % 100 == 99) CHECK(Get(port, "/healthz").find("200 OK") != std::string::npos);
  }
  for (const int fd : silent) close(fd);
}

TEST_CASE("HttpServer: other methods, queries, requests that are too large") {
  HttpServer server;
  server.Get("/metrics", [] { return Response{.body = std::string(3'000'000, 'x')}; });
  auto address = server.Start("127.0.0.1:0");
  REQUIRE(address.ok());
  const int port = Endpoint::Parse(*address)->port;
  CHECK(Get(port, "/metrics?x=1").size() > 3'000'000);
  const std::string head = Exchange(port, "HEAD /metrics HTTP/1.1\r\n\r\n");
  CHECK(head.find("Content-Length: 3000000") != std::string::npos);
  CHECK(head.size() < 1000);
  CHECK(Exchange(port, "POST /metrics HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc").find(" 405 ") !=
        std::string::npos);
  CHECK(Exchange(port, "GET /" + std::string(9'000, 'y')).find(" 431 ") != std::string::npos);
  CHECK(Exchange(port, "\x16\x03\x01\x02").empty());
}

TEST_CASE("HttpServer: where tokens are asked for, a path may need one") {
  const testing::TemporaryFolder folder;
  auto access = security::Access::Open(
      folder.Write("tokens", "read_only eye reads-0123456789\ntaskmanager tm tasks-0123456789\n"));
  REQUIRE(access.ok());
  HttpServer server;
  server.Get("/healthz", [] { return Response{.body = "ok"}; });
  server.Get("/metrics", [] { return Response{.body = "up 1"}; }, HttpServer::Who::kReader);
  auto address = server.Start({.listen = "127.0.0.1:0", .insecure = false, .tls = {}, .access = *access});
  REQUIRE(address.ok());
  const int port = Endpoint::Parse(*address)->port;
  auto with = [&](const std::string& header) {
    return Exchange(port, "GET /metrics HTTP/1.1\r\n" + header + "\r\n");
  };
  CHECK(Get(port, "/healthz").find(" 200 ") != std::string::npos);
  CHECK(with("").find(" 401 ") != std::string::npos);
  CHECK(with("authorization: Bearer nobody-has-this-one\r\n").find(" 401 ") != std::string::npos);
  CHECK(with("Authorization: Bearer tasks-0123456789\r\n").find(" 403 ") != std::string::npos);
  CHECK(with("Host: x\r\nAUTHORIZATION:  Bearer reads-0123456789 \r\n").find("up 1") != std::string::npos);
}

TEST_CASE("Endpoint: forms") {
  CHECK(Endpoint::Parse("[::1]:80") == Endpoint{"::1", 80});
  CHECK(Endpoint::Parse("[::1]:80")->ToString() == "[::1]:80");
  CHECK(Endpoint::Parse("host:0") == Endpoint{"host", 0});
  CHECK(Endpoint::Parse("127.0.0.1:1")->IsLoopback());
  CHECK_FALSE(Endpoint::Parse("example.org:1")->IsLoopback());
  for (const char* wrong : {":1", "a:", "a:-1", "a:1x", "a"}) CHECK_FALSE(Endpoint::Parse(wrong));
}

}  // namespace
}  // namespace weir::http
