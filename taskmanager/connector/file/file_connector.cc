#include "taskmanager/connector/file/file_connector.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/security/path_roots.h"
#include "taskmanager/connector/file/file_descriptor.h"
#include "taskmanager/connector/file/file_enumerator.h"
#include "taskmanager/connector/file/file_reader.h"
#include "taskmanager/connector/file/file_sink.h"
#include "taskmanager/connector/file/table_file.h"
#include "taskmanager/format/decoder.h"
#include "taskmanager/format/encoder.h"

namespace weir::taskmanager::file {
namespace {

absl::StatusOr<std::unique_ptr<SplitEnumerator>> MakeEnumerator(const SourceContext& context) {
  const bool splittable = context.node->format.type != job::FormatType::kCsv;
  if (context.roots != nullptr) RETURN_IF_ERROR(context.roots->CheckPattern(PathOf(*context.node)));
  return std::make_unique<FileEnumerator>(PathOf(*context.node), splittable, context.roots);
}

absl::StatusOr<std::unique_ptr<SourceReader>> MakeReader(const SourceContext& context) {
  ASSIGN_OR_RETURN(auto decoder, MakeDecoder(DecoderOptionsOf(*context.node, context.schema, context.wanted)));
  return std::make_unique<FileReader>(context, std::move(decoder));
}

absl::StatusOr<std::unique_ptr<TwoPhaseCommitSink>> MakeSink(const SinkContext& context) {
  ASSIGN_OR_RETURN(auto encoder, MakeEncoder(context.node->format, context.schema));
  if (context.roots != nullptr) RETURN_IF_ERROR(context.roots->Check(PathOf(*context.node)));
  return std::make_unique<FileSink>(context, PathOf(*context.node), std::move(encoder));
}

}  // namespace

void Register(ConnectorRegistry* registry) {
  registry->sources["file"] = {MakeEnumerator, MakeReader};
  registry->sinks["file"] = MakeSink;
  registry->table = ReadTable;
}

}  // namespace weir::taskmanager::file
