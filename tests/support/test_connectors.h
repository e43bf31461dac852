#pragma once

#include <memory>
#include <string>
#include <utility>

#include "common/job/connector_descriptor.h"

namespace weir::testing {

/// A connector by its traits alone. A source named `live` is endless.
class TestConnector : public job::ConnectorDescriptor {
 public:
  TestConnector(std::string type, const job::ConnectorTraits* source,
                const job::ConnectorTraits* sink)
      : type_(std::move(type)), source_(source), sink_(sink) {}
  std::string_view type() const override { return type_; }
  const job::ConnectorTraits* source() const override { return source_; }
  const job::ConnectorTraits* sink() const override { return sink_; }
  bool Bounded(const job::Node& node) const override { return node.name != "live"; }

 private:
  std::string type_;
  const job::ConnectorTraits* source_;
  const job::ConnectorTraits* sink_;
};

/// `file` (source and sink), `print` (sink): enough for the front end, without any code behind
/// them.
inline const job::ConnectorCatalog& TestCatalog() {
  using job::FormatType;
  static const auto* const file_source =
      new job::ConnectorTraits{.options = {{.name = "path", .required = true}},
                               .formats = {FormatType::kJson, FormatType::kCsv, FormatType::kRaw},
                               .takes_schema = true};
  static const auto* const file_sink =
      new job::ConnectorTraits{.options = {{.name = "path", .required = true}},
                               .formats = {FormatType::kJson, FormatType::kCsv, FormatType::kRaw},
                               .commits_at_checkpoint = true};
  static const auto* const print_sink = new job::ConnectorTraits{};
  static const auto* const catalog = [] {
    auto* made = new job::ConnectorCatalog;
    made->Add(std::make_shared<TestConnector>("file", file_source, file_sink));
    made->Add(std::make_shared<TestConnector>("print", nullptr, print_sink));
    return made;
  }();
  return *catalog;
}

}  // namespace weir::testing
