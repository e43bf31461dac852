#include "common/control/proto/convert.h"

#include <catch2/catch.hpp>

#include "tests/unit/control/random_messages.h"
#include "weir/v1/control.pb.h"

namespace weir::control {
namespace {

TEST_CASE("control messages: what is sent is what arrives, every kind and field") {
  RandomMessages random(20260101);
  for (size_t i = 0; i < 2000; ++i) {
    const ToJobManager up = random.Up(i);
    v1::ToJobManager up_wire;
    ToProto(up, &up_wire);
    v1::ToJobManager up_read;
    REQUIRE(up_read.ParseFromString(up_wire.SerializeAsString()));
    auto up_again = FromProto(up_read);
    INFO(up_again.status());
    REQUIRE(up_again.ok());
    REQUIRE(*up_again == up);

    const ToTaskManager down = random.Down(i);
    v1::ToTaskManager down_wire;
    ToProto(down, &down_wire);
    v1::ToTaskManager down_read;
    REQUIRE(down_read.ParseFromString(down_wire.SerializeAsString()));
    auto down_again = FromProto(down_read);
    INFO(down_again.status());
    REQUIRE(down_again.ok());
    REQUIRE(*down_again == down);
  }
}

TEST_CASE("control messages: damaged bytes are errors or messages, never more") {
  RandomMessages random(7);
  Rng rng(8);
  for (size_t i = 0; i < 3000; ++i) {
    v1::ToJobManager up;
    ToProto(random.Up(i), &up);
    v1::ToTaskManager down;
    ToProto(random.Down(i), &down);
    for (std::string bytes : {up.SerializeAsString(), down.SerializeAsString()}) {
      if (bytes.empty()) continue;
      bytes[rng.Below(bytes.size())] = static_cast<char>(rng.Next());
      if (rng.Below(3) == 0) bytes.resize(rng.Below(bytes.size()));
      if (v1::ToJobManager m; m.ParseFromString(bytes)) (void)FromProto(m);
      if (v1::ToTaskManager m; m.ParseFromString(bytes)) (void)FromProto(m);
    }
  }
}

void Refused(const absl::Status& status, const std::string& part) {
  CHECK(status.code() == absl::StatusCode::kInvalidArgument);
  INFO(status);
  CHECK(std::string(status.message()).find(part) != std::string::npos);
}

TEST_CASE("control messages: what is missing or out of range is named") {
  v1::ToJobManager up;
  Refused(FromProto(up).status(), "unknown kind");
  up.mutable_swept();
  Refused(FromProto(up).status(), "no fence");
  up.mutable_swept()->mutable_fence();
  Refused(FromProto(up).status(), "names no job");
  up.mutable_swept()->mutable_fence()->set_job("j");
  CHECK(FromProto(up).ok());
  up.mutable_swept()->mutable_subtask()->set_index(-1);
  Refused(FromProto(up).status(), "negative");

  v1::ToJobManager changed;
  auto* m = changed.mutable_subtask_state_changed();
  m->mutable_fence()->set_job("j");
  Refused(FromProto(changed).status(), "subtask state 0");
  m->set_state(v1::SUBTASK_RUNNING);
  Refused(FromProto(changed).status(), "failure domain 0");
  m->set_domain(v1::FAILURE_USER);
  CHECK(FromProto(changed).ok());
  m->mutable_error()->set_code(99);
  Refused(FromProto(changed).status(), "status code 99");
  m->mutable_error()->set_code(static_cast<int>(absl::StatusCode::kDataLoss));
  m->mutable_error()->set_loss(static_cast<v1::Loss>(7));
  Refused(FromProto(changed).status(), "loss 7");

  v1::ToJobManager registration;
  registration.mutable_register_();
  Refused(FromProto(registration).status(), "without a name");

  v1::ToTaskManager down;
  Refused(FromProto(down).status(), "unknown kind");
  down.mutable_register_reply();
  Refused(FromProto(down).status(), "heartbeat");
}

}  // namespace
}  // namespace weir::control
