#include "taskmanager/connector/file/file_descriptor.h"

#include "absl/strings/str_cat.h"

namespace weir::taskmanager::file {
namespace {

job::OptionSpec PathOption(std::string doc) {
  job::OptionSpec path;
  path.name = "path";
  path.kind = job::OptionKind::kString;
  path.required = true;
  path.doc = std::move(doc);
  return path;
}

class FileDescriptor final : public job::ConnectorDescriptor {
 public:
  FileDescriptor() {
    const std::vector<job::FormatType> formats = {job::FormatType::kJson, job::FormatType::kCsv,
                                                  job::FormatType::kRaw};
    source_.options = {PathOption("a file, or a glob (`data/*.jsonl`); read in the order of the names")};
    source_.formats = formats;
    source_.takes_schema = true;
    sink_.options = {PathOption("the folder to write into; made if it is not there, what lies in it is left alone")};
    sink_.formats = formats;
    sink_.commits_at_checkpoint = true;
  }

  std::string_view type() const override { return "file"; }
  const job::ConnectorTraits* source() const override { return &source_; }
  const job::ConnectorTraits* sink() const override { return &sink_; }

  void Validate(const job::Node& node, config::Diagnostics* diagnostics) const override {
    const job::Value* path = node.options.Find("path");
    if (path != nullptr && path->is_scalar() && PathOf(node).empty()) {
      diagnostics->Error(path->location, "`path` must not be empty");
    }
  }

  void ValidateInput(const job::Node& node, const batch::Schema& input,
                     config::Diagnostics* diagnostics) const override {
    if (node.format.type != job::FormatType::kRaw) return;
    if (input.size() == 1 && batch::IsVariable(input.fields[0].type.kind)) return;
    diagnostics->Error(
        node.format.location,
        absl::StrCat("format raw writes one column of type bytes or string, the input has ", batch::ToString(input)));
  }

 private:
  job::ConnectorTraits source_;
  job::ConnectorTraits sink_;
};

}  // namespace

std::shared_ptr<const job::ConnectorDescriptor> Descriptor() { return std::make_shared<FileDescriptor>(); }

std::string PathOf(const job::Node& node) {
  constexpr std::string_view kScheme = "file://";
  const job::Value* value = node.options.Find("path");
  std::string path = value == nullptr ? std::string() : value->text;
  if (path.compare(0, kScheme.size(), kScheme) == 0) path.erase(0, kScheme.size());
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

}  // namespace weir::taskmanager::file
