#include <string>

#include <fcntl.h>
#include <unistd.h>

#include "taskmanager/connector/builtin/builtin.h"
#include "taskmanager/connector/print/print_sink.h"
#include "tests/support/temporary_folder.h"

namespace weir::taskmanager {
namespace {

TEST_CASE("print writes JSON lines at once", "[print]") {
  testing::TemporaryFolder folder;
  auto schema = std::make_shared<batch::Schema>();
  schema->fields = {{"n", *batch::ParseDataType("bigint")}};
  auto encoder = MakeEncoder(job::Format{}, schema);
  REQUIRE(encoder.ok());
  const int fd = ::open(folder.PathOf("out").c_str(), O_WRONLY | O_CREAT, 0644);
  print::PrintSink sink(std::move(*encoder), fd);
  batch::Batch rows;
  rows.schema = schema;
  rows.rows = 2;
  rows.columns = {batch::Column::Constant<int64_t>(schema->fields[0].type, 2, 7)};
  REQUIRE(sink.Write(rows).ok());
  CHECK(testing::TemporaryFolder::Read(folder.PathOf("out")) == "{\"n\":7}\n{\"n\":7}\n");
  CHECK(*sink.Seal(CheckpointId(1)) == nullptr);
  ::close(fd);
  CHECK(sink.Write(rows).code() == absl::StatusCode::kUnavailable);
}

TEST_CASE("every connector that runs can be described, and the other way round", "[builtin]") {
  const job::ConnectorCatalog& catalog = BuiltinCatalog();
  const ConnectorRegistry& registry = BuiltinRegistry();
  for (const std::string& name : catalog.Names(job::NodeKind::kSource)) CHECK(registry.sources.count(name) == 1);
  for (const std::string& name : catalog.Names(job::NodeKind::kSink)) CHECK(registry.sinks.count(name) == 1);
  CHECK(catalog.Names(job::NodeKind::kSource).size() == registry.sources.size());
  CHECK(catalog.Names(job::NodeKind::kSink).size() == registry.sinks.size());
}

}  // namespace
}  // namespace weir::taskmanager
