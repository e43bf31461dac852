#include "common/config/yaml/security_keys.h"

#include "absl/strings/str_cat.h"

namespace weir::config {

std::vector<KeySpec> WithSecurityKeys(std::vector<KeySpec> keys) {
  const std::vector<KeySpec> ours = {
      {"tls.cert", KeyKind::kString, false, "", {}, "PEM file: our certificate; with it all ports speak TLS"},
      {"tls.key", KeyKind::kString, false, "", {}, "PEM file: the key to it"},
      {"tls.ca", KeyKind::kString, false, "", {}, "PEM file: who may have signed a peer's certificate"},
      {"tls.require_client_cert", KeyKind::kBool, false, "false", {}, "peers must show a certificate too"},
      {"auth.token_file", KeyKind::kString, false, "", {}, "lines `ROLE NAME TOKEN`; with it callers need a token"},
      {"secrets_dir", KeyKind::kString, false, "", {}, "folder of the files behind ${secret:name} in job files"},
      {"allowed_paths",
       KeyKind::kStringList,
       false,
       "",
       {},
       "folders below which jobs may name files; default: any, unless tokens are asked for or others reach a port"}};
  keys.insert(keys.end(), ours.begin(), ours.end());
  return keys;
}

SecurityConfig ReadSecurity(const std::function<Value(std::string_view key)>& get,
                            const std::function<void(std::string_view key, std::string)>& complain) {
  SecurityConfig config;
  config.tls.cert = get("tls.cert").text;
  config.tls.key = get("tls.key").text;
  config.tls.ca = get("tls.ca").text;
  config.tls.require_client_cert = get("tls.require_client_cert").boolean;
  if (config.tls.cert.empty() != config.tls.key.empty()) {
    const char* there = config.tls.cert.empty() ? "tls.key" : "tls.cert";
    complain(there, "`tls.cert` and `tls.key` go together: a certificate and the key to it");
  }
  if (config.tls.require_client_cert && (config.tls.ca.empty() || config.tls.cert.empty())) {
    complain("tls.require_client_cert",
             "`tls.require_client_cert` needs `tls.ca`, by which certificates are judged, and `tls.cert`");
  }
  config.token_file = get("auth.token_file").text;
  config.secrets_dir = get("secrets_dir").text;
  const Value paths = get("allowed_paths");
  if (paths.is_list()) {
    for (const Value& item : paths.items) config.allowed_paths.push_back(item.text);
  } else if (paths.kind != Value::Kind::kNull) {
    config.allowed_paths.push_back(paths.text);
  }
  for (const std::string& path : config.allowed_paths) {
    if (path.empty() || path.front() != '/')
      complain("allowed_paths", absl::StrCat("`allowed_paths` must be absolute paths, not `", path, "`"));
  }
  return config;
}

}  // namespace weir::config
