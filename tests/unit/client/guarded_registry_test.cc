#include "client/cluster/guarded_registry.h"

#include <catch2/catch.hpp>

#include "tests/support/temporary_folder.h"

namespace weir::client {
namespace {

using config::Value;
using taskmanager::SinkContext;
using taskmanager::SourceContext;

struct Fixture {
  Fixture() {
    folder.Write("password", "hunter-2\n");
    node.name = "n";
    node.options = Value::Map({{"password", {}, Value::String("${secret:password}")}, {"path", {}, Value::String("/x")}});
    auto note = [this](const auto& context) {
      seen.push_back(context.node->options.Find("password")->text);
      roots = context.roots != nullptr;
    };
    registry.sources["t"] = {[note](const SourceContext& context) {
                               note(context);
                               return absl::UnknownError("made nothing");
                             },
                             [note](const SourceContext& context) {
                               note(context);
                               return absl::UnknownError("made nothing");
                             },
                             [note](const SourceContext& context, const std::vector<taskmanager::SplitPosition>&) {
                               note(context);
                               return absl::OkStatus();
                             }};
    registry.sinks["t"] = [note](const SinkContext& context) {
      note(context);
      return absl::UnknownError("made nothing");
    };
    registry.preflights["t"] = [this](const job::JobSpec&, const job::Node& asked, const Clock*, SteadyMicros,
                                      taskmanager::PreflightReport*) {
      seen.push_back(asked.options.Find("password")->text);
    };
    source.node = &node;
    sink.node = &node;
  }
  testing::TemporaryFolder folder;
  taskmanager::ConnectorRegistry registry;
  job::Node node;
  SourceContext source;
  SinkContext sink;
  std::vector<std::string> seen;
  bool roots = false;
};

TEST_CASE("guarded registry: whatever is made of a node gets its secrets, and the job does not") {
  Fixture f;
  const auto guarded = Guarded(f.registry, {f.folder.path(), nullptr});
  CHECK_FALSE(guarded.sources.at("t").enumerator(f.source).ok());
  CHECK_FALSE(guarded.sources.at("t").reader(f.source).ok());
  CHECK(guarded.sources.at("t").tell_end(f.source, {}).ok());
  CHECK_FALSE(guarded.sinks.at("t")(f.sink).ok());
  taskmanager::PreflightReport report;
  guarded.preflights.at("t")({}, f.node, nullptr, 0, &report);
  CHECK(f.seen == std::vector<std::string>(5, "hunter-2"));
  CHECK_FALSE(f.roots);
  CHECK(f.node.options.Find("password")->text == "${secret:password}");
}

TEST_CASE("guarded registry: without the secret nothing is made, and a preflight is left out") {
  Fixture f;
  const auto guarded = Guarded(f.registry, {"", nullptr});
  const auto made = guarded.sinks.at("t")(f.sink);
  CHECK(made.status().code() == absl::StatusCode::kInvalidArgument);
  CHECK_THAT(std::string(made.status().message()), Catch::Contains("n: secret `password`"));
  taskmanager::PreflightReport report;
  guarded.preflights.at("t")({}, f.node, nullptr, 0, &report);
  CHECK(report.errors.ok());
  CHECK(report.hints.size() == 1);
  CHECK(f.seen.empty());
}

TEST_CASE("guarded registry: roots are told, and files outside of them refused beforehand") {
  Fixture f;
  const auto guarded = Guarded(
      f.registry, {f.folder.path(), std::make_shared<const security::PathRoots>(std::vector{f.folder.path()})});
  CHECK_FALSE(guarded.sinks.at("t")(f.sink).ok());
  CHECK(f.roots);
  taskmanager::PreflightReport report;
  guarded.preflights.at("file")({}, f.node, nullptr, 0, &report);
  CHECK_FALSE(report.errors.ok());
  CHECK_FALSE(Guarded(f.registry, {f.folder.path(), nullptr}).preflights.contains("file"));
}

}  // namespace
}  // namespace weir::client
