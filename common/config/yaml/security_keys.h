#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "common/config/keys.h"
#include "common/config/security_config.h"

namespace weir::config {

/// `keys` and those of TLS, tokens, secrets and roots, which both daemons have.
std::vector<KeySpec> WithSecurityKeys(std::vector<KeySpec> keys);

/// Reads them; what is wrong goes to `complain` with its key. `any_path` is the caller's to set.
SecurityConfig ReadSecurity(const std::function<Value(std::string_view key)>& get,
                            const std::function<void(std::string_view key, std::string)>& complain);

}  // namespace weir::config
