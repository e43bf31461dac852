#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

namespace weir::taskmanager::kafka::protocol {

/// An answer in one version of its request, made by hand, and the decoder for it.
struct ResponseSample {
  std::string name;  // "EndTxn v3"
  std::string answer;
  std::function<absl::Status(std::string_view)> decode;
};

/// Each response in each version that we speak. All carry correlation id 7.
std::vector<ResponseSample> AllResponseSamples();

}  // namespace weir::taskmanager::kafka::protocol
