#include "common/config/yaml/daemon_config.h"

#include <stdlib.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>

namespace weir::config {
namespace {

/// A file that is there as long as the object.
class TempFile {
 public:
  explicit TempFile(const std::string& text) {
    char name[] = "/tmp/weir-config-XXXXXX";
    const int fd = mkstemp(name);
    REQUIRE(fd >= 0);
    close(fd);
    path_ = name;
    std::ofstream(path_) << text;
  }
  ~TempFile() { unlink(path_.c_str()); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

TEST_CASE("daemon config: the defaults are those of the contract") {
  const auto jobmanager = LoadJobManagerConfig({});
  REQUIRE(jobmanager.ok());
  CHECK(jobmanager->listen == "127.0.0.1:6123");
  CHECK(jobmanager->http_listen == "127.0.0.1:8081");
  CHECK(jobmanager->checkpoint_storage == "file:///var/lib/weir/checkpoints");
  CHECK(jobmanager->heartbeat_interval_ms == 500);
  CHECK(jobmanager->heartbeat_timeout_ms == 3000);
  const auto taskmanager = LoadTaskManagerConfig({});
  REQUIRE(taskmanager.ok());
  CHECK(taskmanager->jobmanagers == std::vector<std::string>{"127.0.0.1:6123"});
  CHECK(taskmanager->http_listen.empty());
  CHECK(taskmanager->slots == 2);
  CHECK(taskmanager->memory_bytes == int64_t{4} << 30);
}

TEST_CASE("daemon config: --set beats the environment, which beats the file") {
  const TempFile file("slots: 3\nmemory: 1GiB\nname: from-file\n");
  const auto config = LoadTaskManagerConfig(
      {.path = file.path(),
       .environment = {{"WEIR__SLOTS", "4"}, {"WEIR__MEMORY", "2GiB"}, {"OTHER", "x"}},
       .overrides = {"slots=5", "jobmanager=[h1:1, h2:2]"}});
  REQUIRE(config.ok());
  CHECK(config->slots == 5);
  CHECK(config->memory_bytes == int64_t{2} << 30);
  CHECK(config->name == "from-file");
  CHECK(config->jobmanagers == std::vector<std::string>{"h1:1", "h2:2"});
  const auto nested = LoadJobManagerConfig(
      {.environment = {{"WEIR__HEARTBEAT__INTERVAL", "100ms"}, {"WEIR__SLOTS", "4"}}});
  REQUIRE(nested.ok());
  CHECK(nested->heartbeat_interval_ms == 100);
}

TEST_CASE("daemon config: everything that is wrong is reported with its place") {
  const TempFile file(
      "listn: 127.0.0.1:1\nstate_dir: /x\nheartbeat: {interval: 500}\nhigh_availability: {type: "
      "etcd}\n");
  const auto config = LoadJobManagerConfig({.path = file.path(),
                                            .environment = {{"WEIR__STATE_DI", "x"}},
                                            .overrides = {"http_listen=here", "nonsense"}});
  REQUIRE_FALSE(config.ok());
  const std::string message(config.status().message());
  CHECK_THAT(
      message,
      Catch::Contains(file.path() + ":1:1: error: unknown key `listn` (did you mean `listen`?)\n"));
  CHECK_THAT(message, Catch::Contains(file.path() +
                                      ":3:23: error: `heartbeat.interval` must be a duration"));
  CHECK_THAT(message,
             Catch::Contains(":4:27: error: `high_availability.endpoints` must name the members of etcd"));
  CHECK_THAT(message,
             Catch::Contains("environment variable WEIR__STATE_DI: error: unknown key `state_di`"));
  CHECK_THAT(message, Catch::Contains("--set http_listen: error: `http_listen` must be HOST:PORT"));
  CHECK_THAT(message, Catch::Contains("--set nonsense: error: must be `section.key=value`"));
}

TEST_CASE("daemon config: several JobManagers") {
  const auto file = LoadJobManagerConfig({});
  REQUIRE(file.ok());
  CHECK_FALSE(file->high_availability.etcd);
  const auto etcd = LoadJobManagerConfig(
      {.overrides = {"high_availability.type=etcd", "high_availability.endpoints=[a:1, b:2]",
                     "high_availability.lease=1500ms"}});
  REQUIRE(etcd.ok());
  CHECK(etcd->high_availability.etcd);
  CHECK(etcd->high_availability.endpoints == std::vector<std::string>{"a:1", "b:2"});
  CHECK(etcd->high_availability.address == "127.0.0.1:6123");
  CHECK(etcd->high_availability.prefix == "/weir");
  CHECK(etcd->high_availability.lease_seconds == 2);
  // Others must be able to reach it.
  for (const char* listen : {"listen=0.0.0.0:6123", "listen=127.0.0.1:0"}) {
    ConfigSources sources{.overrides = {"high_availability.type=etcd",
                                        "high_availability.endpoints=a:1", listen}};
    sources.insecure = true;
    CHECK_THAT(std::string(LoadJobManagerConfig(sources).status().message()),
               Catch::Contains("high_availability.address"));
    sources.overrides.push_back("high_availability.address=host:6123");
    CHECK(LoadJobManagerConfig(sources).ok());
  }
  CHECK_THAT(std::string(LoadJobManagerConfig({.overrides = {"high_availability.type=zookeeper"}})
                             .status()
                             .message()),
             Catch::Contains("must be file or etcd"));
}

TEST_CASE("daemon config: with TLS and tokens any address may be listened on") {
  ConfigSources sources;
  sources.overrides = {"listen=0.0.0.0:1", "tls={cert: /c, key: /k, ca: /a}", "auth.token_file=/t",
                       "allowed_paths=[/data, /more]"};
  const auto config = LoadJobManagerConfig(sources);
  REQUIRE(config.ok());
  CHECK(config->security.tls.cert == "/c");
  CHECK(config->security.tls.ca == "/a");
  CHECK_FALSE(config->security.tls.require_client_cert);
  CHECK(config->security.token_file == "/t");
  CHECK(config->security.allowed_paths == std::vector<std::string>{"/data", "/more"});
  for (size_t left_out : {size_t{1}, size_t{2}}) {
    ConfigSources less = sources;
    less.overrides.erase(less.overrides.begin() + static_cast<long>(left_out));
    CHECK_THAT(std::string(LoadJobManagerConfig(less).status().message()), Catch::Contains("--insecure"));
  }
}

TEST_CASE("daemon config: half of TLS, and paths that are relative, are mistakes") {
  for (const auto& [text, told] : std::vector<std::pair<std::string, std::string>>{
           {"tls.cert=/c", "go together"},
           {"tls.key=/k", "go together"},
           {"tls={cert: /c, key: /k, require_client_cert: true}", "needs `tls.ca`"},
           {"tls={cart: /c}", "unknown key `tls.cart`"},
           {"allowed_paths=data", "absolute paths"}}) {
    CAPTURE(text);
    CHECK_THAT(std::string(LoadTaskManagerConfig({.overrides = {text}}).status().message()),
               Catch::Contains(told));
  }
}

TEST_CASE("daemon config: jobs may name any file only where nobody else could submit them") {
  CHECK(LoadTaskManagerConfig({})->security.any_path);
  CHECK_FALSE(LoadTaskManagerConfig({.overrides = {"allowed_paths=/data"}})->security.any_path);
  CHECK_FALSE(LoadTaskManagerConfig({.overrides = {"auth.token_file=/t"}})->security.any_path);
  CHECK_FALSE(
      LoadJobManagerConfig({.overrides = {"listen=0.0.0.0:1"}, .insecure = true})->security.any_path);
}

TEST_CASE("daemon config: only loopback is listened on unless --insecure") {
  const ConfigSources open{.overrides = {"listen=0.0.0.0:6123"}};
  CHECK_THAT(std::string(LoadJobManagerConfig(open).status().message()),
             Catch::Contains("--insecure"));
  ConfigSources allowed = open;
  allowed.insecure = true;
  CHECK(LoadJobManagerConfig(allowed).ok());
  CHECK(LoadJobManagerConfig({.overrides = {"listen=\"[::1]:6123\"", "http_listen=off"}}).ok());
  CHECK_FALSE(LoadJobManagerConfig({.overrides = {"listen=127.0.0.1:66666"}}).ok());
  CHECK_FALSE(LoadJobManagerConfig({.path = "/nowhere/at/all.yaml"}).ok());
  CHECK_FALSE(LoadJobManagerConfig({.overrides = {"checkpoint_storage=s3://bucket"}}).ok());
}

}  // namespace
}  // namespace weir::config
