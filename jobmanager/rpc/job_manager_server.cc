#include "jobmanager/rpc/job_manager_server.h"

#include "common/base/status_macros.h"
#include "common/rpc/server.h"
#include "jobmanager/rpc/control_service.h"
#include "jobmanager/rpc/job_service.h"

namespace weir::jobmanager {

struct JobManagerServer::Parts {
  Parts(JobApi* api, control::TaskManagerLinkHandler* taskmanagers,
        const std::shared_ptr<security::Access>& access)
      : jobs(api, access), control(taskmanagers, access) {}
  JobService jobs;
  ControlService control;
  std::unique_ptr<rpc::Server> server;
};

JobManagerServer::JobManagerServer() = default;
JobManagerServer::~JobManagerServer() { Stop(); }

absl::StatusOr<std::unique_ptr<JobManagerServer>> JobManagerServer::Start(
    const Options& options, JobApi* api, control::TaskManagerLinkHandler* taskmanagers) {
  rpc::Initialize();
  std::unique_ptr<JobManagerServer> made(new JobManagerServer());
  std::shared_ptr<security::Access> access = options.access;
  if (access == nullptr) access = security::Access::ForAll();
  made->parts_ = std::make_unique<Parts>(api, taskmanagers, access);
  Parts& parts = *made->parts_;
  ASSIGN_OR_RETURN(parts.server,
                   rpc::Server::Start({.listen = options.listen,
                                       .insecure = options.insecure,
                                       .tls = options.tls,
                                       .access = access},
                                      {&parts.jobs, &parts.control}));
  return made;
}

const std::string& JobManagerServer::address() const { return parts_->server->address(); }

void JobManagerServer::Stop() {
  if (parts_ == nullptr || parts_->server == nullptr) return;
  parts_->jobs.StopCalls();
  parts_->control.Stop();
  parts_->server->Stop();
}

}  // namespace weir::jobmanager
