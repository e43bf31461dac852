#include "taskmanager/connector/discard/discard_descriptor.h"

namespace weir::taskmanager::discard {
namespace {

class DiscardDescriptor final : public job::ConnectorDescriptor {
 public:
  std::string_view type() const override { return "discard"; }
  const job::ConnectorTraits* sink() const override { return &sink_; }

 private:
  job::ConnectorTraits sink_;
};

}  // namespace

std::shared_ptr<const job::ConnectorDescriptor> Descriptor() { return std::make_shared<DiscardDescriptor>(); }

}  // namespace weir::taskmanager::discard
