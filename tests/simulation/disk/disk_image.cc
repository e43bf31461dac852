#include "tests/simulation/disk/disk_image.h"

#include <algorithm>
#include <cerrno>
#include <functional>
#include <set>
#include <utility>

namespace weir::sim {
namespace {

using Change = Inode::Change;
constexpr size_t kSector = 512;

std::vector<std::string> Parts(const std::string& path) {
  std::vector<std::string> parts;
  for (size_t begin = 0; begin <= path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    std::string part = path.substr(begin, end - begin);
    if (part == "..") {
      if (!parts.empty()) parts.pop_back();
    } else if (!part.empty() && part != ".") {
      parts.push_back(std::move(part));
    }
    begin = end + 1;
  }
  return parts;
}

}  // namespace

DiskImage::DiskImage() : root_(std::make_shared<Inode>()) {
  root_->number = ++inodes_;
  root_->folder = true;
}

fs::OrErrno<DiskImage::InodePtr> DiskImage::Find(const std::string& path) const {
  InodePtr at = root_;
  for (const std::string& part : Parts(path)) {
    if (!at->folder) return {ENOTDIR, nullptr};
    const auto it = at->seen_names.find(part);
    if (it == at->seen_names.end()) return {ENOENT, nullptr};
    at = it->second;
  }
  return {0, at};
}

fs::OrErrno<DiskImage::Place> DiskImage::Locate(const std::string& path) const {
  std::vector<std::string> parts = Parts(path);
  if (parts.empty()) return {EEXIST, {}};
  Place place{root_, parts.back()};
  parts.pop_back();
  for (const std::string& part : parts) {
    const auto it = place.folder->seen_names.find(part);
    if (it == place.folder->seen_names.end()) return {ENOENT, {}};
    if (!it->second->folder) return {ENOTDIR, {}};
    place.folder = it->second;
  }
  return {0, std::move(place)};
}

void DiskImage::Name(const Place& place, InodePtr target, uint64_t action, int by) {
  place.folder->seen_names[place.name] = target;
  place.folder->unsynced.push_back({Change::Kind::kName, by, action, 0, "", place.name, std::move(target)});
}

void DiskImage::Unname(const Place& place, uint64_t action, int by) {
  place.folder->seen_names.erase(place.name);
  place.folder->unsynced.push_back({Change::Kind::kUnname, by, action, 0, "", place.name, nullptr});
}

fs::OrErrno<DiskImage::InodePtr> DiskImage::Create(const std::string& path, int by) {
  const auto place = Locate(path);
  if (!place.ok()) return {place.error, nullptr};
  if (place.value.folder->seen_names.contains(place.value.name)) return {EEXIST, nullptr};
  auto file = std::make_shared<Inode>();
  file->number = ++inodes_;
  Name(place.value, file, ++actions_, by);
  return {0, std::move(file)};
}

fs::Errno DiskImage::MakeFolder(const std::string& path, int by) {
  auto made = Create(path, by);
  if (made.ok()) made.value->folder = true;
  return made.error;
}

fs::Errno DiskImage::RemoveFolder(const std::string& path, int by) {
  const auto found = Find(path);
  if (!found.ok()) return found.error;
  if (!found.value->folder) return ENOTDIR;
  if (!found.value->seen_names.empty()) return ENOTEMPTY;
  const auto place = Locate(path);
  if (!place.ok()) return EBUSY;  // the root
  Unname(place.value, ++actions_, by);
  return 0;
}

fs::Errno DiskImage::Unlink(const std::string& path, int by) {
  const auto found = Find(path);
  if (!found.ok()) return found.error;
  if (found.value->folder) return EISDIR;
  Unname(Locate(path).value, ++actions_, by);
  return 0;
}

fs::Errno DiskImage::Rename(const std::string& from, const std::string& to, bool replace, int by) {
  const auto source = Find(from);
  if (!source.ok()) return source.error;
  const auto target = Locate(to);
  if (!target.ok()) return target.error;
  const auto old = Find(to);
  if (old.ok()) {
    const bool same = old.value == source.value;
    if (!replace && !same) return EEXIST;
    if (same && replace) return 0;
    if (same) return from == to ? EEXIST : Unlink(from, by);
    if (old.value->folder != source.value->folder) return old.value->folder ? EISDIR : ENOTDIR;
    if (!old.value->seen_names.empty()) return ENOTEMPTY;
  }
  const uint64_t action = ++actions_;
  Name(target.value, source.value, action, by);
  Unname(Locate(from).value, action, by);
  return 0;
}

fs::Errno DiskImage::Link(const std::string& from, const std::string& to, int by) {
  const auto source = Find(from);
  if (!source.ok()) return source.error;
  if (source.value->folder) return EPERM;
  const auto target = Locate(to);
  if (!target.ok()) return target.error;
  if (target.value.folder->seen_names.contains(target.value.name)) return EEXIST;
  Name(target.value, source.value, ++actions_, by);
  return 0;
}

void DiskImage::Write(Inode& file, int64_t offset, std::string_view bytes, int by, int64_t now) {
  file.unsynced.push_back({Change::Kind::kWrite, by, ++actions_, offset, std::string(bytes), "", nullptr});
  Apply(file.unsynced.back(), &file.seen, nullptr);
  file.written_at = now;
}

void DiskImage::Empty(Inode& file, int by, int64_t now) {
  file.unsynced.push_back({Change::Kind::kEmpty, by, ++actions_, 0, "", "", nullptr});
  file.seen.clear();
  file.written_at = now;
}

void DiskImage::Sync(Inode& inode) {
  for (const Change& change : inode.unsynced) Apply(change, &inode.kept, &inode.kept_names);
  inode.unsynced.clear();
}

void DiskImage::Apply(const Change& change, std::string* contents, Inode::Names* names) {
  switch (change.kind) {
    case Change::Kind::kWrite: {
      const auto offset = static_cast<size_t>(change.offset);
      if (contents->size() < offset + change.bytes.size()) contents->resize(offset + change.bytes.size());
      change.bytes.copy(contents->data() + offset, change.bytes.size());
      return;
    }
    case Change::Kind::kEmpty:
      contents->clear();
      return;
    case Change::Kind::kName:
      (*names)[change.name] = change.target;
      return;
    case Change::Kind::kUnname:
      names->erase(change.name);
      return;
  }
}

std::optional<Change> DiskImage::Tear(const Change& change, Survives mode, Rng& rng) {
  Change part = change;
  if (mode == Survives::kBeginning) {  // the last of what survives
    part.bytes.resize(rng.Below(part.bytes.size() + 1));
    return part;
  }
  // Sectors that did not reach the platter read as zeros when the file's length did.
  for (size_t at = 0; at < part.bytes.size(); at += kSector) {
    if (rng.Below(2) == 0) continue;
    const size_t size = std::min(kSector, part.bytes.size() - at);
    std::fill_n(part.bytes.begin() + static_cast<std::ptrdiff_t>(at), size, '\0');
  }
  if (rng.Below(2) == 0) part.bytes.resize(rng.Below(part.bytes.size() + 1));
  return part;
}

void DiskImage::PowerLoss(std::optional<int> by, Rng& rng) {
  // Each node of the tree, whether processes see it or only the platter knows it.
  std::vector<InodePtr> inodes;
  std::set<const Inode*> known;
  std::vector<InodePtr> next = {root_};
  while (!next.empty()) {
    InodePtr inode = std::move(next.back());
    next.pop_back();
    if (!known.insert(inode.get()).second) continue;
    for (const auto* names : {&inode->seen_names, &inode->kept_names}) {
      for (const auto& [name, child] : *names) next.push_back(child);
    }
    for (const Change& change : inode->unsynced) {
      if (change.target != nullptr) next.push_back(change.target);
    }
    inodes.push_back(std::move(inode));
  }
  std::sort(inodes.begin(), inodes.end(), [](const InodePtr& a, const InodePtr& b) { return a->number < b->number; });

  const auto mode = static_cast<Survives>(rng.Below(4));
  // Of a journal the beginning survives, of all files together.
  const uint64_t last = mode == Survives::kBeginning ? rng.Below(actions_ + 1) : 0;
  std::map<uint64_t, bool> fate;
  const auto survives = [&](uint64_t action) {
    switch (mode) {
      case Survives::kNothing:
        return false;
      case Survives::kBeginning:
        return action <= last;
      case Survives::kAll:
        return true;
      case Survives::kAnyPart:
        break;
    }
    const auto [it, is_new] = fate.try_emplace(action, false);
    if (is_new) it->second = rng.Below(2) == 0;
    return it->second;
  };
  for (const InodePtr& inode : inodes) {
    std::vector<Change> of_others;
    for (Change& change : inode->unsynced) {
      if (by.has_value() && change.by != *by) {
        of_others.push_back(std::move(change));
      } else if (survives(change.action)) {
        const bool torn = change.kind == Change::Kind::kWrite && !change.bytes.empty() &&
                          (mode == Survives::kBeginning ? change.action == last : mode == Survives::kAnyPart);
        const std::optional<Change> part = torn ? Tear(change, mode, rng) : change;
        if (part.has_value()) Apply(*part, &inode->kept, &inode->kept_names);
      }
    }
    inode->unsynced = std::move(of_others);
    inode->seen = inode->kept;
    inode->seen_names = inode->kept_names;
    for (const Change& change : inode->unsynced) Apply(change, &inode->seen, &inode->seen_names);
  }
}

std::vector<std::string> DiskImage::Files(const std::string& folder) const {
  std::vector<std::string> paths;
  const std::function<void(const Inode&, const std::string&)> visit = [&](const Inode& inode, const std::string& path) {
    for (const auto& [name, child] : inode.seen_names) {
      if (child->folder) {
        visit(*child, path + "/" + name);
      } else {
        paths.push_back(path + "/" + name);
      }
    }
  };
  const auto top = Find(folder);
  if (top.ok()) visit(*top.value, folder == "/" ? "" : folder);
  std::sort(paths.begin(), paths.end());
  return paths;
}

}  // namespace weir::sim
