#include "taskmanager/connector/builtin/catalog.h"

#include "taskmanager/connector/discard/discard_descriptor.h"
#include "taskmanager/connector/file/file_descriptor.h"
#include "taskmanager/connector/generator/generator_descriptor.h"
#include "taskmanager/connector/kafka/kafka_descriptor.h"
#include "taskmanager/connector/nexmark/nexmark_descriptor.h"
#include "taskmanager/connector/print/print_descriptor.h"

namespace weir::taskmanager {

const job::ConnectorCatalog& BuiltinCatalog() {
  static const auto* const catalog = [] {
    auto* made = new job::ConnectorCatalog();
    made->Add(discard::Descriptor());
    made->Add(file::Descriptor());
    made->Add(generator::Descriptor());
    made->Add(kafka::Descriptor());
    made->Add(nexmark::Descriptor());
    made->Add(print::Descriptor());
    return made;
  }();
  return *catalog;
}

}  // namespace weir::taskmanager
