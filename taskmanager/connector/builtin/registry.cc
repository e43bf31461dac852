#include "taskmanager/connector/builtin/registry.h"

#include "taskmanager/connector/discard/discard_sink.h"
#include "taskmanager/connector/file/file_connector.h"
#include "taskmanager/connector/generator/generator_source.h"
#include "taskmanager/connector/kafka/preflight/kafka_preflight.h"
#include "taskmanager/connector/kafka/sink/kafka_sink_factory.h"
#include "taskmanager/connector/kafka/source/kafka_source.h"
#include "taskmanager/connector/nexmark/nexmark_source.h"
#include "taskmanager/connector/print/print_sink.h"

namespace weir::taskmanager {

const ConnectorRegistry& BuiltinRegistry() {
  static const auto* const registry = [] {
    auto* made = new ConnectorRegistry();
    discard::Register(made);
    file::Register(made);
    generator::Register(made);
    kafka::RegisterPreflight(made);
    kafka::RegisterSink(made);
    kafka::RegisterSource(made);
    nexmark::Register(made);
    print::Register(made);
    return made;
  }();
  return *registry;
}

}  // namespace weir::taskmanager
