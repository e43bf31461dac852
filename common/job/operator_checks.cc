#include "common/job/operator_checks.h"

#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/config/units.h"
#include "common/job/job_keys.h"

namespace weir::job {
namespace {

using config::DidYouMean;

/// Slices of one window that a fired result merges.
constexpr int64_t kMaxSlices = 10'000;
constexpr int64_t kMaxLimit = 10'000;

class OperatorChecker {
 public:
  OperatorChecker(const Node& node, config::Diagnostics* diagnostics)
      : node_(node), diagnostics_(diagnostics) {}

  void Run() { Check(node_); }

 private:
  template <typename... Parts>
  void Error(Location location, const Parts&... parts) {
    diagnostics_->Error(location, absl::StrCat(parts...));
  }

  void Check(const Node& node) {
    if (node.type.empty()) return;
    const std::optional<OperatorType> type = node.operator_type();
    if (!type) {
      Error(node.type_location, "no operator is of type `", node.type, "`",
            DidYouMean(node.type, OperatorTypeNames()), "; there are ",
            absl::StrJoin(OperatorTypeNames(), ", "));
      return;
    }
    auto missing = [&](std::string_view key) {
      Error(node.location, "key `", std::string(key), "` is missing in ", What(node));
    };
    switch (*type) {
      case OperatorType::kFilter:
        if (node.where.text.empty() && node.where.location.line == 0) missing("where");
        break;
      case OperatorType::kSelect:
        if (node.fields.empty()) missing("fields");
        CheckNames(node, node.fields, "fields");
        break;
      case OperatorType::kWindowAggregate:
        CheckAggregate(node);
        break;
      case OperatorType::kTopN:
        CheckTopN(node);
        break;
      case OperatorType::kDeduplicate:
        CheckNames(node, node.key_by, "key_by");
        if (node.key_by.empty()) missing("key_by");
        break;
      case OperatorType::kWindowJoin:
      case OperatorType::kIntervalJoin:
      case OperatorType::kLookupJoin:
        CheckJoin(node);
        break;
      case OperatorType::kUnion:
        break;
    }
  }

  void CheckNames(const Node& node, const std::vector<NamedText>& entries, std::string_view what) {
    std::set<std::string> seen;
    const std::string key(what);
    for (const NamedText& entry : entries) {
      if (entry.name.empty())
        Error(entry.name_location, "an empty name in `", key, "` of `", node.name, "`");
      if (!seen.insert(entry.name).second)
        Error(entry.name_location, "`", entry.name, "` is there twice in `", key, "`");
    }
    if (entries.size() > kMaxColumns)
      Error(node.location, "more than ", kMaxColumns, " entries in `", key, "`");
  }

  void CheckAggregate(const Node& node) {
    if (node.aggregates.empty()) Error(node.location, "key `aggregate` is missing in ", What(node));
    CheckNames(node, node.key_by, "key_by");
    CheckNames(node, node.aggregates, "aggregate");
    std::set<std::string> taken = {"window_start", "window_end"};
    for (const NamedText& key : node.key_by) {
      if (taken.count(key.name) > 0)
        Error(key.name_location, "`", key.name, "` is a column that every window has");
      taken.insert(key.name);
    }
    for (const NamedText& aggregate : node.aggregates) {
      if (taken.count(aggregate.name) > 0) {
        Error(aggregate.name_location, "`", aggregate.name,
              "` is already the name of a key or of the window's bounds");
      }
    }
    CheckWindow(node);
    if (node.allowed_lateness < 0) Error(node.location, "allowed_lateness must not be negative");
    if (node.window && node.window->processing_time) {
      if (node.window->kind == Window::Kind::kSession) {
        Error(node.window->location, "session windows of processing time are not supported yet");
      }
      if (node.allowed_lateness > 0) {
        Error(node.location, "a window of processing time has no late rows: `allowed_lateness`");
      }
    }
  }

  void CheckTopN(const Node& node) {
    CheckNames(node, node.key_by, "key_by");
    if (node.order_by.empty()) Error(node.location, "key `order_by` is missing in ", What(node));
    if (node.limit < 1 || node.limit > kMaxLimit) {
      Error(node.location, "`limit` of `", node.name, "` must be between 1 and ", kMaxLimit);
    }
    if (!node.window) {
      if (node.rank.empty()) {
        Error(node.location, "top_n `", node.name,
              "` without `window` replaces its rows as it goes: it needs `rank: NAME`, which with "
              "the key tells which row is replaced");
      }
      if (node.ties) {
        Error(node.location, "`ties` needs a `window`: rows that share a rank cannot be replaced");
      }
      return;
    }
    if (node.ttl > 0)
      Error(node.location, "`ttl` means nothing with a `window`, which ends itself");
    const Window& window = *node.window;
    if (window.processing_time ||
        (window.kind != Window::Kind::kTumbling && window.kind != Window::Kind::kInput)) {
      Error(window.location, "the window of a top_n is {tumbling: D} or `input`");
    } else if (window.kind == Window::Kind::kTumbling) {
      CheckWindow(node);
    }
  }

  void CheckJoin(const Node& node) {
    if (node.fields.empty()) Error(node.location, "key `fields` is missing in ", What(node));
    CheckNames(node, node.fields, "fields");
    if (node.on.empty()) Error(node.location, "key `on` is missing in ", What(node));
    if (node.operator_type() == OperatorType::kWindowJoin) {
      CheckWindow(node);
      if (node.window &&
          (node.window->kind == Window::Kind::kSession ||
           node.window->kind == Window::Kind::kInput || node.window->processing_time)) {
        Error(node.window->location,
              "a window_join has tumbling or sliding windows of event time: others are not "
              "supported yet");
      }
    } else if (node.operator_type() == OperatorType::kIntervalJoin) {
      if (node.before < 0 || node.after < 0) {
        Error(node.location, "`within` of `", node.name, "` must not be negative");
      }
    } else {
      CheckTable(node);
    }
    const bool plain = node.join == JoinType::kInner || node.join == JoinType::kLeft;
    if (!plain && node.operator_type() != OperatorType::kWindowJoin) {
      Error(node.location, "a ", node.type, " is inner or left, not ",
            std::string(ToString(node.join)));
    }
  }

  void CheckTable(const Node& node) {
    // The places and words are those of who reads a job file: one mistake is one message.
    if (node.format.type == FormatType::kNone) {
      Error(node.location, "key `table` is missing in ", What(node));
      return;
    }
    const Location at = node.options.location;
    if (node.options.Find("path") == nullptr)
      Error(at, "key `path` is missing in ", WhatTable(node));
    if (node.format.type != FormatType::kJson && node.format.type != FormatType::kCsv) {
      Error(node.format.location.line > 0 ? node.format.location : node.location, "the table of `",
            node.name, "` must be json or csv");
    }
    if (node.schema.empty()) Error(at, "key `schema` is missing in ", WhatTable(node));
    if (node.schema.size() > kMaxColumns) {
      Error(node.location, "more than ", kMaxColumns, " columns in `schema`");
    }
    std::set<std::string> names;
    for (const SchemaField& field : node.schema) {
      if (field.name.empty() || !names.insert(field.name).second) {
        Error(field.location, "`", field.name, "` is no name, or is there twice, in `schema`");
      }
    }
  }

  void CheckWindow(const Node& node) {
    if (!node.window) {
      Error(node.location, "key `window` is missing in ", What(node));
      return;
    }
    const Window& window = *node.window;
    if (window.size <= 0 || window.slide <= 0) {
      Error(window.location, "size and slide of a window must be positive");
    } else if (window.slide > window.size) {
      Error(window.location, "slide ", config::DurationText(window.slide),
            " is longer than the window of ", config::DurationText(window.size),
            ": rows between windows would be lost");
    } else if (window.size % window.slide != 0) {
      Error(window.location, "the window of ", config::DurationText(window.size),
            " must be a multiple of its slide of ", config::DurationText(window.slide));
    } else if (window.size / window.slide > kMaxSlices) {
      Error(window.location, "a window of ", config::DurationText(window.size), " every ",
            config::DurationText(window.slide), " puts each row into more than ", kMaxSlices,
            " windows");
    }
  }

  const Node& node_;
  config::Diagnostics* diagnostics_;
};

}  // namespace

std::string What(const Node& node) {
  return absl::StrCat(std::string(ToString(node.kind)), " `", node.name, "`");
}

std::string WhatTable(const Node& node) { return absl::StrCat("`table` of `", node.name, "`"); }

void CheckOperator(const Node& node, config::Diagnostics* diagnostics) {
  OperatorChecker(node, diagnostics).Run();
}

}  // namespace weir::job
