#include "taskmanager/connector/nexmark/nexmark_descriptor.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/batch/batch.h"
#include "common/config/units.h"

namespace weir::taskmanager::nexmark {
namespace {

using batch::DataType;
using batch::Field;
using batch::TypeKind;

constexpr char kDefaultBaseTime[] = "2026-01-01T00:00:00Z";
constexpr double kLastSecond = 253'402'300'800;  // of the year 9999

const std::vector<std::string>& StreamNames() {
  static const auto* const names = new std::vector<std::string>{"person", "auction", "bid", "all"};
  return *names;
}

Field Made(std::string name, TypeKind kind) { return {std::move(name), DataType{.kind = kind, .nullable = false}}; }

std::vector<Field> Prefixed() {
  std::vector<Field> fields = {Made("event_type", TypeKind::kInt), Made("date_time", TypeKind::kTimestamp)};
  for (const Stream stream : {Stream::kPerson, Stream::kAuction, Stream::kBid}) {
    for (Field field : FieldsOf(stream)) {
      field.name = absl::StrCat(StreamNames()[static_cast<size_t>(stream)], "_", field.name);
      field.type.nullable = true;
      fields.push_back(std::move(field));
    }
  }
  return fields;
}

job::OptionSpec Option(std::string name, job::OptionKind kind, std::string default_text, std::string doc) {
  job::OptionSpec option;
  option.name = std::move(name);
  option.kind = kind;
  option.default_text = std::move(default_text);
  option.doc = std::move(doc);
  return option;
}

class NexmarkDescriptor final : public job::ConnectorDescriptor {
 public:
  NexmarkDescriptor() {
    job::OptionSpec stream = Option("stream", job::OptionKind::kEnum, "",
                                    "persons (2 % of the events), auctions (6 %), bids (92 %), or all as one stream "
                                    "with a column event_type (0, 1, 2)");
    stream.required = true;
    stream.choices = StreamNames();
    job::OptionSpec events = Option("events", job::OptionKind::kInt, "",
                                    "how many events the whole source counts, of all kinds; without it, it never ends");
    events.min = 0;
    job::OptionSpec generators = Option("generators", job::OptionKind::kInt, "1",
                                        "how many generators share the events, each with a range of ids of its own, "
                                        "on one timeline; the events depend on it, and not on the parallelism");
    generators.min = 1;
    generators.max = 1024;
    source_.options = {
        stream, events,
        Option("event_rate", job::OptionKind::kRate, "10000/s", "events a second of event time, of all kinds"),
        Option("seed", job::OptionKind::kInt, "1", "another seed, other values"),
        Option("base_time", job::OptionKind::kString, kDefaultBaseTime, "event time of the first event"), generators};
  }

  std::string_view type() const override { return "nexmark"; }
  const job::ConnectorTraits* source() const override { return &source_; }

  void Validate(const job::Node& node, config::Diagnostics* diagnostics) const override {
    const job::Value* base_time = node.options.Find("base_time");
    if (base_time != nullptr && base_time->is_scalar() && !batch::ParseTimestamp(base_time->text)) {
      diagnostics->Error(base_time->location,
                         absl::StrCat("`base_time` must be a timestamp such as ", kDefaultBaseTime, ", not `",
                                      base_time->text, "`"));
      return;
    }
    const Options options = ReadOptions(node);
    const double end = static_cast<double>(options.base_time) / 1e6 +
                       static_cast<double>(options.events.value_or(0)) / static_cast<double>(options.event_rate);
    if (end > kLastSecond) {
      const job::Value* events = node.options.Find("events");
      diagnostics->Error(events == nullptr ? node.location : events->location,
                         "`events` at this `event_rate` go beyond the year 9999: take fewer, or a higher rate");
    }
  }

  std::optional<batch::Schema> OutputSchema(const job::Node& node, config::Diagnostics*) const override {
    const job::Value* stream = node.options.Find("stream");
    if (stream == nullptr) return std::nullopt;  // reported when the keys were checked
    return batch::Schema{FieldsOf(ReadOptions(node).stream)};
  }

  bool Bounded(const job::Node& node) const override { return node.options.Find("events") != nullptr; }

  std::string Summary(const job::Node& node) const override {
    const Options options = ReadOptions(node);
    return absl::StrCat(StreamNames()[static_cast<size_t>(options.stream)], " of ",
                        options.events ? absl::StrCat(*options.events) : "endless", " events, ", options.event_rate,
                        "/s of event time");
  }

 private:
  job::ConnectorTraits source_;
};

}  // namespace

std::shared_ptr<const job::ConnectorDescriptor> Descriptor() { return std::make_shared<NexmarkDescriptor>(); }

Options ReadOptions(const job::Node& node) {
  Options options;
  if (const job::Value* stream = node.options.Find("stream")) {
    for (size_t i = 0; i < StreamNames().size(); ++i) {
      if (stream->text == StreamNames()[i]) options.stream = static_cast<Stream>(i);
    }
  }
  if (const job::Value* events = node.options.Find("events")) options.events = events->integer;
  if (const job::Value* rate = node.options.Find("event_rate")) {
    options.event_rate = config::ParseRate(rate->text).value_or(options.event_rate);
  }
  if (const job::Value* seed = node.options.Find("seed")) options.seed = static_cast<uint64_t>(seed->integer);
  const job::Value* base_time = node.options.Find("base_time");
  options.base_time = batch::ParseTimestamp(base_time == nullptr ? kDefaultBaseTime : base_time->text).value_or(0);
  if (const job::Value* generators = node.options.Find("generators")) options.generators = generators->integer;
  return options;
}

const std::vector<Field>& FieldsOf(Stream stream) {
  constexpr TypeKind kId = TypeKind::kBigint;
  constexpr TypeKind kText = TypeKind::kString;
  constexpr TypeKind kTime = TypeKind::kTimestamp;
  static const auto* const person = new std::vector<Field>{
      Made("id", kId),      Made("name", kText),  Made("email_address", kText), Made("credit_card", kText),
      Made("city", kText),  Made("state", kText), Made("date_time", kTime),     Made("extra", kText)};
  static const auto* const auction = new std::vector<Field>{
      Made("id", kId),          Made("item_name", kText), Made("description", kText), Made("initial_bid", kId),
      Made("reserve", kId),     Made("date_time", kTime), Made("expires", kTime),     Made("seller", kId),
      Made("category", kId),    Made("extra", kText)};
  static const auto* const bid = new std::vector<Field>{
      Made("auction", kId), Made("bidder", kId),      Made("price", kId), Made("channel", kText),
      Made("url", kText),   Made("date_time", kTime), Made("extra", kText)};
  switch (stream) {
    case Stream::kPerson: return *person;
    case Stream::kAuction: return *auction;
    case Stream::kBid: return *bid;
    case Stream::kAll: break;
  }
  static const auto* const all = new std::vector<Field>(Prefixed());
  return *all;
}

}  // namespace weir::taskmanager::nexmark
