#include "tests/simulation/run/batch.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace weir::sim {
namespace {

/// Lines between the processes: `B seed`, then for each seed `V seed oracle text…`, `N seed name count` and last
/// `R seed hash steps virtual recovered checkpoints attempts faults`.
void Say(int fd, std::string line) {
  for (char& c : line) {
    if (c == '\n') c = ' ';
  }
  line += '\n';
  for (size_t at = 0; at < line.size();) {
    const ssize_t n = ::write(fd, line.data() + at, line.size() - at);
    if (n <= 0) ::_exit(3);
    at += static_cast<size_t>(n);
  }
}

void RunOne(const BatchOptions& options, uint64_t seed, int fd) {
  Say(fd, absl::StrCat("B ", seed));
  ::alarm(static_cast<unsigned>(options.seconds_per_seed));
  RunOptions run = options.run;
  run.seed = seed;
  const RunResult result = RunSeed(run);
  if (options.twice) {
    const RunResult again = RunSeed(run);
    if (again.hash != result.hash) Say(fd, absl::StrCat("V ", seed, " O11 a second run of the seed was another one"));
  }
  ::alarm(0);
  for (const Violation& violation : result.violations) {
    Say(fd, absl::StrCat("V ", seed, " ", violation.oracle, " ", violation.what));
  }
  for (const auto& [name, count] : result.reached) Say(fd, absl::StrCat("N ", seed, " ", count, " ", name));
  Say(fd, absl::StrCat("R ", seed, " ", result.hash, " ", result.steps, " ", result.virtual_micros, " ",
                       result.recovered_in, " ", result.checkpoints, " ", result.attempts, " ",
                       result.plan.faults.size()));
}

class Worker {
 public:
  Worker(const BatchOptions& options, std::vector<uint64_t> seeds) : seeds_(std::move(seeds)) {
    int ends[2];
    if (::pipe(ends) != 0) std::abort();
    std::fflush(nullptr);
    pid_ = ::fork();
    if (pid_ < 0) std::abort();
    if (pid_ == 0) {
      ::close(ends[0]);
      for (const uint64_t seed : seeds_) RunOne(options, seed, ends[1]);
      ::_exit(0);
    }
    ::close(ends[1]);
    fd_ = ends[0];
  }
  ~Worker() {
    ::close(fd_);
    int status = 0;
    ::waitpid(pid_, &status, 0);
  }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  int fd() const { return fd_; }

  /// False: it has ended.
  bool Read(const std::function<void(const SeedReport&)>& on_report) {
    char buffer[65536];
    const ssize_t n = ::read(fd_, buffer, sizeof(buffer));
    if (n < 0 && errno == EINTR) return true;
    if (n <= 0) {
      if (!open_) return false;
      int status = 0;
      ::waitpid(pid_, &status, 0);
      report_.violations.push_back(
          {"crash", WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM
                        ? "the run does not come to an end"
                        : absl::StrCat("the simulator died: ",
                                       WIFSIGNALED(status) ? ::strsignal(WTERMSIG(status)) : "exit")});
      on_report(report_);
      return false;
    }
    text_.append(buffer, static_cast<size_t>(n));
    size_t begin = 0;
    for (size_t end; (end = text_.find('\n', begin)) != std::string::npos; begin = end + 1) {
      Take(text_.substr(begin, end - begin), on_report);
    }
    text_.erase(0, begin);
    return true;
  }
  /// Those that it did not come to, when it died.
  std::vector<uint64_t> left() const { return {seeds_.begin() + static_cast<ptrdiff_t>(begun_), seeds_.end()}; }

 private:
  void Take(const std::string& line, const std::function<void(const SeedReport&)>& on_report) {
    const std::vector<std::string> words = absl::StrSplit(line, ' ');
    if (words.size() < 2) return;
    if (words[0] == "B") {
      report_ = SeedReport{};
      absl::SimpleAtoi(words[1], &report_.seed);
      open_ = true;
      ++begun_;
    } else if (words[0] == "V" && words.size() > 2) {
      const size_t text = line.find(' ', line.find(words[2], 2 + words[1].size()));
      report_.violations.push_back({words[2], text == std::string::npos ? "" : line.substr(text + 1)});
    } else if (words[0] == "N" && words.size() > 3) {
      int count = 0;
      absl::SimpleAtoi(words[2], &count);
      report_.reached[line.substr(words[0].size() + words[1].size() + words[2].size() + 3)] = count;
    } else if (words[0] == "R" && words.size() == 9) {
      absl::SimpleAtoi(words[2], &report_.hash);
      absl::SimpleAtoi(words[3], &report_.steps);
      absl::SimpleAtoi(words[4], &report_.virtual_micros);
      absl::SimpleAtoi(words[5], &report_.recovered_in);
      absl::SimpleAtoi(words[6], &report_.checkpoints);
      absl::SimpleAtoi(words[7], &report_.attempts);
      absl::SimpleAtoi(words[8], &report_.faults);
      open_ = false;
      on_report(report_);
    }
  }

  const std::vector<uint64_t> seeds_;
  pid_t pid_ = 0;
  int fd_ = -1;
  std::string text_;
  SeedReport report_;
  bool open_ = false;  // a seed has begun and not ended
  size_t begun_ = 0;
};

}  // namespace

void RunBatch(const BatchOptions& options, const std::function<std::optional<uint64_t>()>& next,
              const std::function<void(const SeedReport&)>& on_report) {
  std::vector<std::unique_ptr<Worker>> workers;
  std::vector<uint64_t> again;  // of a process that died before their turn
  const auto fill = [&] {
    while (static_cast<int>(workers.size()) < options.workers) {
      std::vector<uint64_t> seeds = std::exchange(again, {});
      while (static_cast<int>(seeds.size()) < options.seeds_per_process) {
        const std::optional<uint64_t> seed = next();
        if (!seed) break;
        seeds.push_back(*seed);
      }
      if (seeds.empty()) return;
      workers.push_back(std::make_unique<Worker>(options, std::move(seeds)));
    }
  };
  fill();
  while (!workers.empty()) {
    std::vector<pollfd> polled;
    for (const auto& worker : workers) polled.push_back({worker->fd(), POLLIN, 0});
    if (::poll(polled.data(), polled.size(), -1) < 0 && errno != EINTR) std::abort();
    for (size_t i = polled.size(); i-- > 0;) {
      if (polled[i].revents == 0 || workers[i]->Read(on_report)) continue;
      const std::vector<uint64_t> left = workers[i]->left();
      again.insert(again.end(), left.begin(), left.end());
      workers.erase(workers.begin() + static_cast<ptrdiff_t>(i));
    }
    fill();
  }
}

}  // namespace weir::sim
