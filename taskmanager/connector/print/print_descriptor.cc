#include "taskmanager/connector/print/print_descriptor.h"

namespace weir::taskmanager::print {
namespace {

class PrintDescriptor final : public job::ConnectorDescriptor {
 public:
  PrintDescriptor() { sink_.formats = {job::FormatType::kJson}; }
  std::string_view type() const override { return "print"; }
  const job::ConnectorTraits* sink() const override { return &sink_; }

 private:
  job::ConnectorTraits sink_;
};

}  // namespace

std::shared_ptr<const job::ConnectorDescriptor> Descriptor() { return std::make_shared<PrintDescriptor>(); }

}  // namespace weir::taskmanager::print
