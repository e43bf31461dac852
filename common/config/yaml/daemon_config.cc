#include "common/config/yaml/daemon_config.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "common/base/status_macros.h"
#include "common/config/yaml/document.h"
#include "common/config/yaml/security_keys.h"

namespace weir::config {
namespace {

constexpr std::string_view kPrefix = "WEIR__";

/// A document in flat form: `heartbeat.interval` to its value. Each remembers where it came from.
struct Setting {
  Value value;
  Location key_location;
  std::string origin;  // empty: the file; else `environment variable X`, `--set X`
};

class Settings {
 public:
  explicit Settings(const std::vector<KeySpec>& keys, const std::vector<KeySpec>& other)
      : keys_(keys), other_(other) {}

  absl::Status Load(const ConfigSources& sources) {
    if (!sources.path.empty()) RETURN_IF_ERROR(LoadFile(sources));
    for (const auto& [name, value] : sources.environment) {
      if (!absl::StartsWith(name, absl::string_view(kPrefix.data(), kPrefix.size()))) continue;
      std::string key =
          absl::StrReplaceAll(absl::AsciiStrToLower(name.substr(kPrefix.size())), {{"__", "."}});
      // Both daemons of a machine may share an environment.
      if (!IsKey(keys_, key) && IsKey(other_, key)) continue;
      Override(key, value, absl::StrCat("environment variable ", name));
    }
    for (const std::string& text : sources.overrides) {
      const size_t equals = text.find('=');
      if (equals == std::string::npos || equals == 0) {
        Complain("", {}, absl::StrCat("--set ", text), "must be `section.key=value`");
        continue;
      }
      Override(text.substr(0, equals), text.substr(equals + 1),
               absl::StrCat("--set ", text.substr(0, equals)));
    }
    for (const KeySpec& key : keys_) {
      const Setting* setting = Find(key.name);
      if (setting == nullptr) continue;
      const std::string mismatch = Mismatch(key, setting->value);
      if (!mismatch.empty())
        Complain(key.name, absl::StrCat("`", key.name, "` must be ", mismatch));
    }
    return absl::OkStatus();
  }

  /// The value, the default when there is none or a bad one.
  Value Get(std::string_view key) const {
    const auto spec =
        std::find_if(keys_.begin(), keys_.end(), [&](const KeySpec& k) { return k.name == key; });
    if (const Setting* setting = Find(key);
        setting != nullptr && Mismatch(*spec, setting->value).empty()) {
      return setting->value;
    }
    return spec->default_text.empty() ? Value() : Value::Plain(spec->default_text);
  }
  std::string Text(std::string_view key) const { return Get(key).text; }
  int64_t Number(std::string_view key) const {
    const auto spec =
        std::find_if(keys_.begin(), keys_.end(), [&](const KeySpec& k) { return k.name == key; });
    Value map = Value::Map({{std::string(key), {}, Get(key)}});
    const std::vector<KeySpec> one = {*spec};
    Diagnostics ignored;
    const Section section(&map, one, "", {}, &ignored);
    if (spec->kind == KeyKind::kDuration) return section.Duration(key);
    if (spec->kind == KeyKind::kSize) return section.Size(key);
    return section.Int(key);
  }

  /// Reports at the place the key's value came from.
  void Complain(std::string_view key, std::string message) {
    const Setting* setting = Find(key);
    if (setting == nullptr)
      return Complain(key, {}, path_.empty() ? "configuration" : "", std::move(message));
    Complain(key, setting->value.location, setting->origin, std::move(message));
  }

  absl::Status ToStatus() const {
    if (in_file_.ok() && elsewhere_.empty()) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat(Render(path_, text_, in_file_), absl::StrJoin(elsewhere_, "")));
  }

 private:
  static bool IsKey(const std::vector<KeySpec>& keys, std::string_view name) {
    return std::any_of(keys.begin(), keys.end(),
                       [&](const KeySpec& key) { return key.name == name; });
  }

  const Setting* Find(std::string_view key) const {
    const auto it = settings_.find(key);
    return it == settings_.end() ? nullptr : &it->second;
  }

  void Complain(std::string_view, Location location, const std::string& origin,
                std::string message) {
    if (origin.empty()) {
      in_file_.Error(location, std::move(message));
    } else {
      elsewhere_.push_back(absl::StrCat(origin, ": error: ", message, "\n"));
    }
  }

  absl::Status LoadFile(const ConfigSources& sources) {
    path_ = sources.path;
    ASSIGN_OR_RETURN(text_, ReadTextFile(path_));
    std::optional<Value> root = ParseYaml(text_, &in_file_);
    if (!root) return ToStatus();
    ExpandEnvironment(sources.environment, &*root, &in_file_);
    if (!root->is_map() && root->kind != Value::Kind::kNull) {
      in_file_.Error(root->location, "the configuration must be a map of keys to values");
    }
    Flatten("", *root);
    return absl::OkStatus();
  }

  void Flatten(const std::string& prefix, const Value& map) {
    for (const MapEntry& entry : map.entries) {
      const std::string key = prefix + entry.key;
      if (entry.value.is_map()) {
        Flatten(key + ".", entry.value);
      } else {
        Put(key, {entry.value, entry.key_location, ""});
      }
    }
  }

  void Override(const std::string& key, const std::string& text, const std::string& origin) {
    Diagnostics problems;
    std::optional<Value> value = ParseYaml(text, &problems);
    if (!value || !problems.ok()) return Complain(key, {}, origin, "the value is not YAML");
    if (value->is_map()) {
      for (const MapEntry& entry : value->entries)
        Put(absl::StrCat(key, ".", entry.key), {entry.value, {}, origin});
      return;
    }
    Put(key, {*std::move(value), {}, origin});
  }

  void Put(const std::string& key, Setting setting) {
    if (!IsKey(keys_, key)) {
      return Complain(key, setting.key_location, setting.origin,
                      absl::StrCat("unknown key `", key, "`", DidYouMean(key, NamesOf(keys_))));
    }
    settings_[key] = std::move(setting);
  }

  const std::vector<KeySpec>& keys_;
  const std::vector<KeySpec>& other_;
  std::string path_;
  std::string text_;
  std::map<std::string, Setting, std::less<>> settings_;
  Diagnostics in_file_;
  std::vector<std::string> elsewhere_;
};

void CheckAddress(Settings* settings, std::string_view key, const std::string& address) {
  std::string host;
  int port = 0;
  if (!SplitHostPort(address, &host, &port)) {
    settings->Complain(
        key, absl::StrCat("`", std::string(key), "` must be HOST:PORT, not `", address, "`"));
  }
}

void CheckListen(Settings* settings, const ConfigSources& sources, const SecurityConfig& security,
                 std::string_view key, const std::string& address) {
  std::string host;
  int port = 0;
  CheckAddress(settings, key, address);
  if (!SplitHostPort(address, &host, &port) || IsLoopback(host) || sources.insecure ||
      security.guarded()) {
    return;
  }
  settings->Complain(
      key, absl::StrCat("`", address,
                        "` is no loopback address: anybody who reaches it could run jobs; set "
                        "tls.cert, tls.key and auth.token_file, listen on 127.0.0.1, or allow it "
                        "with --insecure"));
}

SecurityConfig Security(Settings* settings) {
  return ReadSecurity([settings](std::string_view key) { return settings->Get(key); },
                      [settings](std::string_view key, std::string message) {
                        settings->Complain(key, std::move(message));
                      });
}

/// Where nobody is asked for a token and nobody else reaches the ports, jobs are the user's own.
bool AnyPath(const SecurityConfig& security, const std::vector<std::string>& addresses) {
  if (!security.allowed_paths.empty() || !security.token_file.empty()) return false;
  return std::all_of(addresses.begin(), addresses.end(), [](const std::string& address) {
    std::string host;
    int port = 0;
    return address.empty() || (SplitHostPort(address, &host, &port) && IsLoopback(host));
  });
}

/// Empty for `off`. YAML 1.1 readers take a bare off for false.
std::string HttpListen(Settings* settings, const ConfigSources& sources,
                       const SecurityConfig& security) {
  const std::string text = settings->Text("http_listen");
  if (text == "off" || text == "false") return "";
  CheckListen(settings, sources, security, "http_listen", text);
  return text;
}

HighAvailabilityConfig HighAvailability(Settings* settings, const std::string& listen) {
  HighAvailabilityConfig config;
  const std::string type = settings->Text("high_availability.type");
  config.etcd = type == "etcd";
  if (!config.etcd && type != "file") {
    settings->Complain(
        "high_availability.type",
        absl::StrCat("`high_availability.type` must be file or etcd, not `", type, "`"));
  }
  const Value endpoints = settings->Get("high_availability.endpoints");
  for (const Value& item : endpoints.items) config.endpoints.push_back(item.text);
  if (!endpoints.is_list() && !endpoints.text.empty()) config.endpoints = {endpoints.text};
  config.prefix = settings->Text("high_availability.prefix");
  config.lease_seconds = (settings->Number("high_availability.lease") + 999'999) / 1'000'000;
  config.ca = settings->Text("high_availability.ca");
  config.cert = settings->Text("high_availability.cert");
  config.key = settings->Text("high_availability.key");
  config.address = settings->Text("high_availability.address");
  if (config.address.empty()) config.address = listen;
  if (!config.etcd) return config;
  if (config.endpoints.empty()) {
    settings->Complain("high_availability.type",
                       "`high_availability.endpoints` must name the members of etcd");
  }
  std::string host;
  int port = 0;
  if (!SplitHostPort(config.address, &host, &port) || port == 0 || host == "0.0.0.0" ||
      host == "::") {
    settings->Complain(
        "high_availability.address",
        absl::StrCat("`", config.address, "` is no address at which others reach this JobManager; "
                     "set `high_availability.address` to its HOST:PORT"));
  }
  return config;
}

}  // namespace

const std::vector<KeySpec>& JobManagerKeys() {
  static const auto* const keys = new std::vector<KeySpec>(WithSecurityKeys({
      {"listen", KeyKind::kString, false, "127.0.0.1:6123", {}, "gRPC address of jobs and control"},
      {"http_listen",
       KeyKind::kString,
       false,
       "127.0.0.1:8081",
       {},
       "address of /metrics and /healthz, or off"},
      {"state_dir",
       KeyKind::kString,
       false,
       "/var/lib/weir/jobmanager",
       {},
       "jobs and completed checkpoints"},
      {"checkpoint_storage",
       KeyKind::kString,
       false,
       "file:///var/lib/weir/checkpoints",
       {},
       "where checkpoints lie unless a job says otherwise; every TaskManager must see the same "
       "folder"},
      {"high_availability.type",
       KeyKind::kString,
       false,
       "file",
       {},
       "file: one JobManager, its memory in state_dir; etcd: several, one of which leads"},
      {"high_availability.endpoints",
       KeyKind::kStringList,
       false,
       "",
       {},
       "HOST:PORT, http://… or https://… of etcd's members"},
      {"high_availability.prefix", KeyKind::kString, false, "/weir", {}, "of etcd's keys; one for each cluster"},
      {"high_availability.address",
       KeyKind::kString,
       false,
       "",
       {},
       "HOST:PORT under which others reach this JobManager; default: listen"},
      {"high_availability.lease",
       KeyKind::kDuration,
       false,
       "3s",
       {},
       "how long a leader that is silent leads on; whole seconds",
       1'000'000,
       60'000'000},
      {"high_availability.ca", KeyKind::kString, false, "", {}, "PEM file: who signs etcd's certificate"},
      {"high_availability.cert", KeyKind::kString, false, "", {}, "PEM file: our certificate for etcd"},
      {"high_availability.key", KeyKind::kString, false, "", {}, "PEM file: its key"},
      {"heartbeat.interval", KeyKind::kDuration, false, "500ms", {}, "", 10'000, 60'000'000},
      {"heartbeat.timeout",
       KeyKind::kDuration,
       false,
       "3s",
       {},
       "silence after which a TaskManager is lost",
       50'000,
       600'000'000}}));
  return *keys;
}

const std::vector<KeySpec>& TaskManagerKeys() {
  static const auto* const keys = new std::vector<KeySpec>(WithSecurityKeys({
      {"name", KeyKind::kString, false, "", {}, "default HOST:PORT"},
      {"jobmanager",
       KeyKind::kStringList,
       false,
       "127.0.0.1:6123",
       {},
       "address or list of addresses"},
      {"listen",
       KeyKind::kString,
       false,
       "127.0.0.1:0",
       {},
       "exchange between TaskManagers; port 0: any"},
      {"advertise", KeyKind::kString, false, "127.0.0.1", {}, "host under which others reach it"},
      {"http_listen",
       KeyKind::kString,
       false,
       "off",
       {},
       "address of /metrics and /healthz, or off"},
      {"slots", KeyKind::kInt, false, "2", {}, "subtasks of every task of a job that fit", 1, 1024},
      {"memory",
       KeyKind::kSize,
       false,
       "4GiB",
       {},
       "shared by state caches, exchange buffers and client queues",
       int64_t{64} << 20},
      {"state_dir",
       KeyKind::kString,
       false,
       "/var/lib/weir/taskmanager",
       {},
       "working state; may be lost"}}));
  return *keys;
}

absl::StatusOr<JobManagerConfig> LoadJobManagerConfig(const ConfigSources& sources) {
  Settings settings(JobManagerKeys(), TaskManagerKeys());
  RETURN_IF_ERROR(settings.Load(sources));
  JobManagerConfig config;
  config.security = Security(&settings);
  config.listen = settings.Text("listen");
  CheckListen(&settings, sources, config.security, "listen", config.listen);
  config.http_listen = HttpListen(&settings, sources, config.security);
  config.security.any_path = AnyPath(config.security, {config.listen, config.http_listen});
  config.state_dir = settings.Text("state_dir");
  config.checkpoint_storage = settings.Text("checkpoint_storage");
  if (!absl::StartsWith(config.checkpoint_storage, "file:///")) {
    settings.Complain(
        "checkpoint_storage",
        absl::StrCat("`checkpoint_storage` must be file:///FOLDER, not `",
                     config.checkpoint_storage, "`: other storage is not supported yet"));
  }
  config.high_availability = HighAvailability(&settings, config.listen);
  config.heartbeat_interval_ms = settings.Number("heartbeat.interval") / 1000;
  config.heartbeat_timeout_ms = settings.Number("heartbeat.timeout") / 1000;
  if (config.heartbeat_timeout_ms < 2 * config.heartbeat_interval_ms) {
    settings.Complain("heartbeat.timeout",
                      "`heartbeat.timeout` must be at least twice `heartbeat.interval`");
  }
  RETURN_IF_ERROR(settings.ToStatus());
  return config;
}

absl::StatusOr<TaskManagerConfig> LoadTaskManagerConfig(const ConfigSources& sources) {
  Settings settings(TaskManagerKeys(), JobManagerKeys());
  RETURN_IF_ERROR(settings.Load(sources));
  TaskManagerConfig config;
  config.name = settings.Text("name");
  const Value jobmanager = settings.Get("jobmanager");
  if (jobmanager.is_list()) {
    for (const Value& item : jobmanager.items) config.jobmanagers.push_back(item.text);
  } else {
    config.jobmanagers = {jobmanager.text};
  }
  for (const std::string& address : config.jobmanagers)
    CheckAddress(&settings, "jobmanager", address);
  config.security = Security(&settings);
  config.listen = settings.Text("listen");
  CheckListen(&settings, sources, config.security, "listen", config.listen);
  config.advertise = settings.Text("advertise");
  config.http_listen = HttpListen(&settings, sources, config.security);
  config.security.any_path = AnyPath(config.security, {config.listen, config.http_listen});
  config.slots = static_cast<int32_t>(settings.Number("slots"));
  config.memory_bytes = settings.Number("memory");
  config.state_dir = settings.Text("state_dir");
  RETURN_IF_ERROR(settings.ToStatus());
  return config;
}

bool SplitHostPort(std::string_view address, std::string* host, int* port) {
  const size_t colon = address.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return false;
  std::string_view name = address.substr(0, colon);
  if (name.front() == '[' && name.back() == ']') {
    name = name.substr(1, name.size() - 2);
  } else if (name.find(':') != std::string_view::npos) {
    return false;
  }
  const std::string_view digits = address.substr(colon + 1);
  if (digits.empty() || digits.size() > 5 ||
      !std::all_of(digits.begin(), digits.end(), absl::ascii_isdigit))
    return false;
  if (!absl::SimpleAtoi(absl::string_view(digits.data(), digits.size()), port) || *port > 65535)
    return false;
  *host = std::string(name);
  return !host->empty();
}

bool IsLoopback(std::string_view host) {
  return host == "localhost" || host == "::1" || host.substr(0, 4) == "127.";
}

}  // namespace weir::config
