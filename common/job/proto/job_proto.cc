#include "common/job/proto/job_proto.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "weir/v1/job.pb.h"

namespace weir::job {
namespace {

constexpr size_t kMaxBytes = 4 << 20;
/// Options nest as a document may; a message from elsewhere must not overflow the stack.
constexpr int kMaxDepth = 200;

template <typename Proto>
void PutLocation(const Location& location, Proto* proto) {
  if (location == Location{}) return;
  proto->mutable_location()->set_line(location.line);
  proto->mutable_location()->set_column(location.column);
}
Location GetLocation(const v1::Location& proto) { return {proto.line(), proto.column()}; }

void Put(const Text& text, v1::Text* proto) {
  proto->set_text(text.text);
  PutLocation(text.location, proto);
}
Text Get(const v1::Text& proto) { return {proto.text(), GetLocation(proto.location())}; }

void Put(const NamedText& entry, v1::NamedText* proto) {
  proto->set_name(entry.name);
  Put(entry.value, proto->mutable_value());
  proto->mutable_name_location()->set_line(entry.name_location.line);
  proto->mutable_name_location()->set_column(entry.name_location.column);
}

template <typename Repeated>
std::vector<NamedText> GetAll(const Repeated& protos) {
  std::vector<NamedText> entries;
  for (const v1::NamedText& proto : protos) {
    entries.push_back({proto.name(), Get(proto.value()), GetLocation(proto.name_location())});
  }
  return entries;
}

void Put(const Value& value, v1::Value* proto) {
  proto->set_kind(static_cast<v1::Value::Kind>(value.kind));
  proto->set_text(value.text);
  PutLocation(value.location, proto);
  for (const Value& item : value.items) Put(item, proto->add_items());
  for (const config::MapEntry& entry : value.entries) {
    v1::Value::Entry* out = proto->add_entries();
    out->set_key(entry.key);
    out->mutable_key_location()->set_line(entry.key_location.line);
    out->mutable_key_location()->set_column(entry.key_location.column);
    Put(entry.value, out->mutable_value());
  }
}

absl::StatusOr<Value> Get(const v1::Value& proto) {
  Value value;
  switch (proto.kind()) {
    case v1::Value::NULL_VALUE:
    case v1::Value::BOOL:
    case v1::Value::INT:
    case v1::Value::DOUBLE:
      value = Value::Plain(proto.text());
      if (static_cast<int>(value.kind) != static_cast<int>(proto.kind())) {
        return absl::InvalidArgumentError(
            absl::StrCat("option value `", proto.text(), "` is not of its kind"));
      }
      break;
    case v1::Value::STRING:
      value = Value::String(proto.text());
      break;
    case v1::Value::LIST:
      value = Value::List({});
      for (const v1::Value& item : proto.items()) {
        ASSIGN_OR_RETURN(Value v, Get(item));
        value.items.push_back(std::move(v));
      }
      break;
    case v1::Value::MAP:
      value = Value::Map({});
      for (const v1::Value::Entry& entry : proto.entries()) {
        ASSIGN_OR_RETURN(Value v, Get(entry.value()));
        value.entries.push_back({entry.key(), GetLocation(entry.key_location()), std::move(v)});
      }
      break;
    default:
      return absl::InvalidArgumentError("an option value of an unknown kind");
  }
  value.location = GetLocation(proto.location());
  return value;
}

/// The enum value if the schema of this build has it.
template <typename Enum, typename Proto>
absl::Status GetEnum(Proto proto, bool valid, std::string_view what, Enum* out) {
  if (!valid) {
    return absl::InvalidArgumentError(absl::StrCat("unknown value ", static_cast<int>(proto),
                                                   " of ", std::string(what),
                                                   ": the job was made by a newer version"));
  }
  *out = static_cast<Enum>(proto);
  return absl::OkStatus();
}

void PutNode(const Node& node, v1::JobNode* proto) {
  proto->set_name(node.name);
  proto->set_kind(static_cast<v1::JobNode::Kind>(node.kind));
  proto->set_type(node.type);
  PutLocation(node.location, proto);
  proto->mutable_type_location()->set_line(node.type_location.line);
  proto->mutable_type_location()->set_column(node.type_location.column);
  if (node.parallelism) proto->set_parallelism(*node.parallelism);
  proto->set_renamed_from(node.renamed_from);
  for (const InputRef& ref : node.inputs) {
    v1::InputRef* out = proto->add_inputs();
    out->set_node(ref.node);
    out->set_port(static_cast<v1::InputRef::Port>(ref.port));
    PutLocation(ref.location, out);
  }
  Put(node.options, proto->mutable_options());
  proto->mutable_format()->set_type(static_cast<v1::Format::Type>(node.format.type));
  proto->mutable_format()->set_on_error(static_cast<v1::OnError>(node.format.on_error));
  proto->mutable_format()->set_timestamps(
      static_cast<v1::Format::Timestamps>(node.format.timestamps));
  PutLocation(node.format.location, proto->mutable_format());
  for (const SchemaField& field : node.schema) {
    v1::SchemaField* out = proto->add_schema();
    out->set_name(field.name);
    out->set_type(batch::ToString(field.type));
    PutLocation(field.location, out);
  }
  if (node.event_time) {
    v1::EventTime* out = proto->mutable_event_time();
    Put(node.event_time->field, out->mutable_field());
    out->set_max_delay_micros(node.event_time->max_delay);
    if (node.event_time->idle_after) out->set_idle_after_micros(*node.event_time->idle_after);
  }
  if (node.rate) proto->set_rate_per_second(*node.rate);
  proto->set_on_error(static_cast<v1::OnError>(node.on_error));
  Put(node.where, proto->mutable_where());
  for (const NamedText& entry : node.fields) Put(entry, proto->add_fields());
  for (const NamedText& entry : node.key_by) Put(entry, proto->add_key_by());
  if (node.window) {
    v1::Window* out = proto->mutable_window();
    out->set_kind(static_cast<v1::Window::Kind>(node.window->kind));
    out->set_size_micros(node.window->size);
    out->set_slide_micros(node.window->slide);
    out->set_processing_time(node.window->processing_time);
    PutLocation(node.window->location, out);
  }
  proto->set_allowed_lateness_micros(node.allowed_lateness);
  for (const NamedText& entry : node.aggregates) Put(entry, proto->add_aggregates());
  for (const Text& order : node.order_by) Put(order, proto->add_order_by());
  proto->set_limit(node.limit);
  proto->set_ties(node.ties);
  proto->set_rank(node.rank);
  proto->set_ttl_micros(node.ttl);
  proto->set_keep_first(!node.keep_last);
  proto->set_join(static_cast<v1::JoinType>(node.join));
  for (const NamedText& entry : node.on) Put(entry, proto->add_on());
  proto->set_before_micros(node.before);
  proto->set_after_micros(node.after);
}

absl::Status GetParts(const v1::JobNode& proto, Node* node) {
  for (const v1::InputRef& ref : proto.inputs()) {
    InputRef in{ref.node(), Port::kMain, GetLocation(ref.location())};
    RETURN_IF_ERROR(GetEnum(ref.port(), v1::InputRef::Port_IsValid(ref.port()), "port", &in.port));
    node->inputs.push_back(std::move(in));
  }
  const v1::Format& format = proto.format();
  RETURN_IF_ERROR(GetEnum(format.type(), v1::Format::Type_IsValid(format.type()), "format",
                          &node->format.type));
  RETURN_IF_ERROR(GetEnum(format.on_error(), v1::OnError_IsValid(format.on_error()), "on_error",
                          &node->format.on_error));
  RETURN_IF_ERROR(GetEnum(format.timestamps(), v1::Format::Timestamps_IsValid(format.timestamps()),
                          "timestamps", &node->format.timestamps));
  node->format.location = GetLocation(format.location());
  for (const v1::SchemaField& field : proto.schema()) {
    const std::optional<batch::DataType> type = batch::ParseDataType(field.type());
    if (!type)
      return absl::InvalidArgumentError(
          absl::StrCat("unknown type `", field.type(), "` of column `", field.name(), "`"));
    node->schema.push_back({field.name(), *type, GetLocation(field.location())});
  }
  if (proto.has_event_time()) {
    EventTime time{Get(proto.event_time().field()), proto.event_time().max_delay_micros(),
                   std::nullopt};
    if (proto.event_time().has_idle_after_micros())
      time.idle_after = proto.event_time().idle_after_micros();
    node->event_time = std::move(time);
  }
  if (proto.has_window()) {
    Window window;
    RETURN_IF_ERROR(GetEnum(proto.window().kind(), v1::Window::Kind_IsValid(proto.window().kind()),
                            "window", &window.kind));
    window.size = proto.window().size_micros();
    window.slide = proto.window().slide_micros();
    window.processing_time = proto.window().processing_time();
    window.location = GetLocation(proto.window().location());
    node->window = window;
  }
  return absl::OkStatus();
}

absl::StatusOr<Node> GetNode(const v1::JobNode& proto) {
  Node node;
  node.name = proto.name();
  RETURN_IF_ERROR(
      GetEnum(proto.kind(), v1::JobNode::Kind_IsValid(proto.kind()), "kind", &node.kind));
  node.type = proto.type();
  if (node.type.empty())
    return absl::InvalidArgumentError(absl::StrCat("node `", node.name, "` has no type"));
  node.location = GetLocation(proto.location());
  node.type_location = GetLocation(proto.type_location());
  if (proto.has_parallelism()) node.parallelism = proto.parallelism();
  node.renamed_from = proto.renamed_from();
  ASSIGN_OR_RETURN(node.options, Get(proto.options()));
  if (proto.has_rate_per_second()) node.rate = proto.rate_per_second();
  RETURN_IF_ERROR(
      GetEnum(proto.on_error(), v1::OnError_IsValid(proto.on_error()), "on_error", &node.on_error));
  node.where = Get(proto.where());
  node.fields = GetAll(proto.fields());
  node.key_by = GetAll(proto.key_by());
  node.allowed_lateness = proto.allowed_lateness_micros();
  node.aggregates = GetAll(proto.aggregates());
  for (const v1::Text& order : proto.order_by()) node.order_by.push_back(Get(order));
  node.limit = proto.limit();
  node.ties = proto.ties();
  node.rank = proto.rank();
  node.ttl = proto.ttl_micros();
  node.keep_last = !proto.keep_first();
  RETURN_IF_ERROR(
      GetEnum(proto.join(), v1::JoinType_IsValid(proto.join()), "join", &node.join));
  node.on = GetAll(proto.on());
  node.before = proto.before_micros();
  node.after = proto.after_micros();
  RETURN_IF_ERROR(Annotate(GetParts(proto, &node), absl::StrCat("node `", proto.name(), "`")));
  return node;
}

}  // namespace

void ToProto(const JobSpec& spec, v1::JobSpec* proto) {
  proto->Clear();
  proto->set_version(spec.version);
  proto->set_name(spec.name);
  proto->mutable_name_location()->set_line(spec.name_location.line);
  proto->mutable_name_location()->set_column(spec.name_location.column);
  proto->set_parallelism(spec.parallelism);
  proto->set_max_parallelism(spec.max_parallelism);
  proto->set_guarantee(static_cast<v1::Guarantee>(spec.guarantee));
  v1::CheckpointSettings* checkpoint = proto->mutable_checkpoint();
  checkpoint->set_interval_micros(spec.checkpoint.interval);
  checkpoint->set_timeout_micros(spec.checkpoint.timeout);
  checkpoint->set_min_pause_micros(spec.checkpoint.min_pause);
  checkpoint->set_max_concurrent(spec.checkpoint.max_concurrent);
  checkpoint->set_tolerable_failures(spec.checkpoint.tolerable_failures);
  checkpoint->set_storage(spec.checkpoint.storage);
  checkpoint->set_keep(spec.checkpoint.keep);
  v1::RestartSettings* restart = proto->mutable_restart();
  restart->set_strategy(static_cast<v1::RestartSettings::Strategy>(spec.restart.strategy));
  restart->set_initial_delay_micros(spec.restart.initial_delay);
  restart->set_max_delay_micros(spec.restart.max_delay);
  restart->set_max_attempts(spec.restart.max_attempts);
  proto->set_state_backend(static_cast<v1::StateBackend>(spec.backend));
  for (const Node& node : spec.nodes) PutNode(node, proto->add_nodes());
}

absl::StatusOr<JobSpec> FromProto(const v1::JobSpec& proto) {
  JobSpec spec;
  spec.version = proto.version();
  spec.name = proto.name();
  spec.name_location = GetLocation(proto.name_location());
  spec.parallelism = proto.parallelism();
  spec.max_parallelism = proto.max_parallelism();
  RETURN_IF_ERROR(GetEnum(proto.guarantee(), v1::Guarantee_IsValid(proto.guarantee()), "guarantee",
                          &spec.guarantee));
  const v1::CheckpointSettings& checkpoint = proto.checkpoint();
  spec.checkpoint = {checkpoint.interval_micros(),
                     checkpoint.timeout_micros(),
                     checkpoint.min_pause_micros(),
                     checkpoint.max_concurrent(),
                     checkpoint.tolerable_failures(),
                     checkpoint.storage(),
                     checkpoint.keep()};
  const v1::RestartSettings& restart = proto.restart();
  RETURN_IF_ERROR(GetEnum(restart.strategy(),
                          v1::RestartSettings::Strategy_IsValid(restart.strategy()),
                          "restart strategy", &spec.restart.strategy));
  spec.restart.initial_delay = restart.initial_delay_micros();
  spec.restart.max_delay = restart.max_delay_micros();
  spec.restart.max_attempts = restart.max_attempts();
  RETURN_IF_ERROR(GetEnum(proto.state_backend(), v1::StateBackend_IsValid(proto.state_backend()),
                          "state backend", &spec.backend));
  for (const v1::JobNode& node : proto.nodes()) {
    ASSIGN_OR_RETURN(Node read, GetNode(node));
    spec.nodes.push_back(std::move(read));
  }
  return spec;
}

std::string Serialize(const JobSpec& spec) {
  v1::JobSpec proto;
  ToProto(spec, &proto);
  return proto
      .SerializeAsString();  // no maps in the schema: the bytes are the same for the same spec
}

absl::StatusOr<JobSpec> Deserialize(std::string_view bytes) {
  if (bytes.size() > kMaxBytes) return absl::InvalidArgumentError("a job of more than 4 MiB");
  v1::JobSpec proto;
  google::protobuf::io::ArrayInputStream stream(bytes.data(), static_cast<int>(bytes.size()));
  google::protobuf::io::CodedInputStream coded(&stream);
  coded.SetRecursionLimit(kMaxDepth);
  if (!proto.ParseFromCodedStream(&coded) || !coded.ConsumedEntireMessage()) {
    return absl::InvalidArgumentError("not a weir.v1.JobSpec");
  }
  return FromProto(proto);
}

}  // namespace weir::job
