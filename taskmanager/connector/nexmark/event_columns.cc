#include "taskmanager/connector/nexmark/event_columns.h"

#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"

namespace weir::taskmanager::nexmark {
namespace {

std::string BaseUrl(uint64_t random) {
  std::string url = "https://www.nexmark.com";
  for (uint64_t part = 0; part < 3; ++part) {
    char text[16];
    const size_t size = RandomText(Draw(random, part), 5, '_', text);
    url += '/';
    url.append(text, size);
  }
  return url + "/item.htm?query=1";
}

uint32_t ReverseBits(uint32_t value) {
  uint32_t reversed = 0;
  for (int bit = 0; bit < 32; ++bit) reversed |= ((value >> bit) & 1) << (31 - bit);
  return reversed;
}

}  // namespace

Channels::Channels(uint64_t seed) {
  std::vector<std::pair<std::string, std::string>> made;
  size_t bytes = 0;
  const char* const hot[] = {"Google", "Facebook", "Baidu", "Apple"};
  for (int64_t i = 0; i < kHot + kOthers; ++i) {
    // Numbers below zero: events have others.
    const uint64_t random = EventHash(seed, -1 - i);
    std::string url = BaseUrl(random);
    std::string name;
    if (i < kHot) {
      name = hot[i];
    } else {
      const int64_t number = i - kHot;
      name = absl::StrCat("channel-", number);
      if (Below(Draw(random, 3), 10) > 0) {
        const auto reversed = static_cast<int32_t>(ReverseBits(static_cast<uint32_t>(number)));
        absl::StrAppend(&url, "&channel_id=", std::abs(int64_t{reversed}));
      }
    }
    bytes += name.size() + url.size();
    made.emplace_back(std::move(name), std::move(url));
  }
  text_ = batch::Buffer::Allocate(bytes);
  char* at = text_->data();
  const auto keep = [&at](const std::string& text) {
    std::memcpy(at, text.data(), text.size());
    const batch::StringRef ref({at, text.size()});
    at += text.size();
    return ref;
  };
  for (const auto& [name, url] : made) {
    names_.push_back(keep(name));
    urls_.push_back(keep(url));
  }
}

const std::vector<ColumnMaker>& MakersOf(Stream stream) {
  switch (stream) {
    case Stream::kPerson: return PersonMakers();
    case Stream::kAuction: return AuctionMakers();
    default: return BidMakers();
  }
}

}  // namespace weir::taskmanager::nexmark
