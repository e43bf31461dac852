#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <utility>

#include "common/control/control_link.h"
#include "common/security/access.h"
#include "weir/v1/control.grpc.pb.h"

namespace weir::jobmanager {

class ControlStream;

/// Takes the control streams of TaskManagers and passes them on as links. With tokens, those of
/// role taskmanager alone.
/// Thread: gRPC's; Stop from any other.
class ControlService final
    : public v1::Control::WithRawCallbackMethod_Connect<v1::Control::Service> {
 public:
  ControlService(control::TaskManagerLinkHandler* handler, std::shared_ptr<security::Access> access)
      : handler_(handler), access_(std::move(access)) {}
  ~ControlService() override;

  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* Connect(
      grpc::CallbackServerContext* context) override;
  /// Refuses new streams, ends those there are, and waits until OnClosed has been called for each.
  void Stop();

 private:
  friend class ControlStream;
  /// Shared with the streams: the last of them may still be leaving Remove when Stop has returned.
  struct Streams {
    void Remove(ControlStream* stream);
    std::mutex mutex;
    std::condition_variable removed;
    std::map<ControlStream*, std::shared_ptr<ControlStream>> open;  // keeps each until its OnDone
    bool stopping = false;
  };

  control::TaskManagerLinkHandler* const handler_;
  const std::shared_ptr<security::Access> access_;
  const std::shared_ptr<Streams> streams_ = std::make_shared<Streams>();
};

}  // namespace weir::jobmanager
