#include "common/config/yaml/document.h"

#include <yaml-cpp/anchor.h>
#include <yaml-cpp/depthguard.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <sstream>
#include <unordered_map>

#include "absl/strings/str_cat.h"
#include "common/config/units.h"

namespace weir::config {
namespace {

constexpr char kCoreTag[] = "tag:yaml.org,2002:";

/// Builds the tree from yaml-cpp's events. After a limit was broken it only lets the events pass:
/// the parser has a depth limit of its own, and the text's size is bounded.
class TreeBuilder : public YAML::EventHandler {
 public:
  TreeBuilder(std::string_view text, const DocumentLimits& limits, Diagnostics* diagnostics)
      : text_(text), limits_(limits), diagnostics_(diagnostics) {}

  bool broken() const { return broken_; }
  bool done() const { return done_; }
  Value TakeRoot() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override { done_ = true; }

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Value value;
    value.location = PlaceOf(mark);
    // An absent value is marked where the next token begins: the key says more.
    if (!frames_.empty() && frames_.back().has_key) value.location = frames_.back().key_location;
    Add(std::move(value), anchor);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    const bool plain = tag == "?" || tag.empty();
    const bool core = tag.rfind(kCoreTag, 0) == 0 && tag != absl::StrCat(kCoreTag, "str");
    Value value = plain || core ? Value::Plain(text) : Value::String(text);
    value.quoted = !plain;
    value.location = ContentOf(mark);
    CheckTag(tag, value.location);
    if (!plain && IsOpen(mark, value.location)) {
      return Break(value.location, "not YAML: a quoted string without its closing quote");
    }
    Add(std::move(value), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (broken_) return;
    const auto it = anchors_.find(anchor);
    if (it == anchors_.end()) return Break(PlaceOf(mark), "an alias inside of what it stands for");
    if (it->second.depth + static_cast<int>(frames_.size()) > limits_.depth)
      return BreakDepth(PlaceOf(mark));
    nodes_ += it->second.nodes - 1;
    if (nodes_ > limits_.nodes) return BreakSize(PlaceOf(mark));
    Add(it->second.value, 0);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Push(mark, tag, anchor, Value::Kind::kList);
  }
  void OnSequenceEnd() override { Pop(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    Push(mark, tag, anchor, Value::Kind::kMap);
  }
  void OnMapEnd() override { Pop(); }

 private:
  struct Frame {
    Value value;
    YAML::anchor_t anchor = 0;
    size_t nodes_before = 0;
    int depth = 1;  // of what is below, itself included
    bool has_key = false;
    bool drop = false;  // the value that comes belongs to a key that was refused
    std::string key;
    Location key_location;
    std::unordered_map<std::string, int32_t> lines;  // of keys
  };
  struct Anchored {
    Value value;
    size_t nodes = 1;
    int depth = 1;
  };

  static Location PlaceOf(const YAML::Mark& mark) { return {mark.line + 1, mark.column + 1}; }

  /// Behind anchor and tag, which yaml-cpp counts as part of the scalar.
  Location ContentOf(const YAML::Mark& mark) const {
    Location place = PlaceOf(mark);
    size_t at = mark.pos < 0 ? text_.size() : static_cast<size_t>(mark.pos);
    while (at < text_.size() && (text_[at] == '&' || text_[at] == '!')) {
      size_t end = text_.find_first_of(" \t\r\n", at);
      if (end == std::string_view::npos) break;
      const size_t next = text_.find_first_not_of(" \t", end);
      if (next == std::string_view::npos || text_[next] == '\n' || text_[next] == '\r') break;
      place.column += static_cast<int32_t>(next - at);
      at = next;
    }
    return place;
  }

  /// A quoted scalar that runs to the end of the text, which yaml-cpp takes for a whole one if a
  /// line break is last.
  bool IsOpen(const YAML::Mark& mark, Location content) const {
    size_t at =
        static_cast<size_t>(mark.pos) + static_cast<size_t>(content.column - PlaceOf(mark).column);
    if (at >= text_.size()) return false;
    const char quote = text_[at];
    if (quote != '"' && quote != '\'') return false;
    for (++at; at < text_.size(); ++at) {
      if (quote == '"' && text_[at] == '\\') {
        ++at;
      } else if (text_[at] == quote) {
        if (quote == '"' || at + 1 >= text_.size() || text_[at + 1] != quote) return false;
        ++at;
      }
    }
    return true;
  }

  void CheckTag(const std::string& tag, Location location) {
    if (tag.empty() || tag == "?" || tag == "!" || tag.rfind(kCoreTag, 0) == 0) return;
    diagnostics_->Error(location, absl::StrCat("tag `", tag, "` is not supported"));
  }

  void Break(Location location, std::string message) {
    if (!broken_) diagnostics_->Error(location, std::move(message));
    broken_ = true;
  }
  void BreakDepth(Location location) {
    Break(location, absl::StrCat("nested deeper than ", limits_.depth, " levels"));
  }
  void BreakSize(Location location) {
    Break(location, absl::StrCat("more than ", limits_.nodes,
                                 " values in the document (aliases count as often as used)"));
  }

  void Push(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
            Value::Kind kind) {
    if (broken_) return;
    CheckTag(tag, PlaceOf(mark));
    if (static_cast<int>(frames_.size()) >= limits_.depth) return BreakDepth(PlaceOf(mark));
    Frame frame;
    frame.value.kind = kind;
    frame.value.location = PlaceOf(mark);
    frame.anchor = anchor;
    frame.nodes_before = nodes_;
    frames_.push_back(std::move(frame));
  }

  void Pop() {
    if (broken_) return;
    Frame frame = std::move(frames_.back());
    frames_.pop_back();
    const int depth = frame.depth;
    if (frame.anchor != 0)
      anchors_[frame.anchor] = {frame.value, nodes_ - frame.nodes_before + 1, depth};
    Add(std::move(frame.value), 0, depth + 1);
  }

  void Add(Value value, YAML::anchor_t anchor, int depth = 1) {
    if (broken_) return;
    if (++nodes_ > limits_.nodes) return BreakSize(value.location);
    if (anchor != 0) anchors_[anchor] = {value, 1, 1};
    if (frames_.empty()) {
      root_ = std::move(value);
      return;
    }
    Frame& frame = frames_.back();
    frame.depth = std::max(frame.depth, depth);
    if (frame.value.is_list()) {
      frame.value.items.push_back(std::move(value));
    } else if (!frame.has_key) {
      TakeKey(&frame, value);
    } else {
      frame.has_key = false;
      if (!frame.drop)
        frame.value.entries.push_back({std::move(frame.key), frame.key_location, std::move(value)});
      frame.drop = false;
    }
  }

  void TakeKey(Frame* frame, const Value& key) {
    frame->has_key = true;
    frame->key_location = key.location;
    frame->key = key.text;
    if (!key.is_scalar()) {
      diagnostics_->Error(key.location, absl::StrCat("a key must be a scalar, not ",
                                                     std::string(Describe(key.kind))));
      frame->drop = true;
    } else if (key.text == "<<" && !key.quoted) {
      diagnostics_->Error(key.location, "merge keys (`<<`) are not supported");
      frame->drop = true;
    } else if (const auto [it, first] = frame->lines.emplace(key.text, key.location.line); !first) {
      diagnostics_->Error(key.location, absl::StrCat("duplicate key `", key.text,
                                                     "` (first in line ", it->second, ")"));
      frame->drop = true;
    }
  }

  std::string_view text_;
  DocumentLimits limits_;
  Diagnostics* diagnostics_;
  std::vector<Frame> frames_;
  std::unordered_map<YAML::anchor_t, Anchored> anchors_;
  size_t nodes_ = 0;
  bool broken_ = false;
  bool done_ = false;
  Value root_;
};

/// Where the text stops being UTF-8. Overlong forms and surrogates are left to whoever decodes
/// them.
std::optional<size_t> FirstInvalidUtf8(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const auto lead = static_cast<uint8_t>(text[at]);
    const size_t size = lead < 0x80                   ? 1
                        : lead >= 0xc2 && lead < 0xe0 ? 2
                        : lead >= 0xe0 && lead < 0xf0 ? 3
                        : lead >= 0xf0 && lead < 0xf5 ? 4
                                                      : 0;
    if (size == 0 || at + size > text.size()) return at;
    for (size_t i = 1; i < size; ++i) {
      if ((text[at + i] & 0xc0) != 0x80) return at;
    }
    at += size;
  }
  return std::nullopt;
}

}  // namespace

std::optional<Value> ParseYaml(std::string_view text, Diagnostics* diagnostics,
                               const DocumentLimits& limits) {
  if (text.size() > limits.bytes) {
    diagnostics->Error({1, 1},
                       absl::StrCat("larger than ", SizeText(static_cast<int64_t>(limits.bytes))));
    return std::nullopt;
  }
  if (const size_t nul = text.find('\0'); nul != std::string_view::npos) {
    const auto line = static_cast<int32_t>(std::count(text.begin(), text.begin() + nul, '\n'));
    diagnostics->Error({line + 1, 1}, "a NUL byte: this is not a text file");
    return std::nullopt;
  }
  if (const std::optional<size_t> bad = FirstInvalidUtf8(text)) {
    const auto line = static_cast<int32_t>(std::count(text.begin(), text.begin() + *bad, '\n'));
    diagnostics->Error({line + 1, 1}, "bytes that are not UTF-8");
    return std::nullopt;
  }
  if (text.substr(0, 3) == "\xef\xbb\xbf") text.remove_prefix(3);  // places are counted behind it
  TreeBuilder builder(text, limits, diagnostics);
  try {
    std::istringstream in{std::string(text)};
    YAML::Parser parser(in);
    if (!parser.HandleNextDocument(builder)) return Value();
    if (builder.broken()) return std::nullopt;
    Value root = builder.TakeRoot();
    TreeBuilder second(text, limits, diagnostics);
    if (parser.HandleNextDocument(second)) {
      diagnostics->Error(second.TakeRoot().location,
                         "a second document (behind `---`): a file holds one");
      return std::nullopt;
    }
    return root;
  } catch (const YAML::Exception& e) {
    // A broken limit was reported already, and is the cause.
    if (!builder.broken()) {
      const bool depth = dynamic_cast<const YAML::DeepRecursion*>(&e) != nullptr;
      diagnostics->Error({e.mark.line + 1, e.mark.column + 1},
                         depth ? "nested too deep" : absl::StrCat("not YAML: ", e.msg));
    }
    return std::nullopt;
  }
}

absl::StatusOr<std::string> ReadTextFile(const std::string& path, size_t limit) {
  const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(path.c_str(), "rb"), &std::fclose);
  if (file == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": cannot be read: ", std::strerror(errno)));
  }
  std::string text(limit + 1, '\0');
  errno = 0;
  text.resize(std::fread(text.data(), 1, text.size(), file.get()));
  if (std::ferror(file.get()) != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": cannot be read: ", std::strerror(errno)));
  }
  if (text.size() > limit) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": larger than ", SizeText(static_cast<int64_t>(limit)), ": not read"));
  }
  return text;
}

}  // namespace weir::config
