#include "client/interrupts.h"

#include <pthread.h>

#include <cerrno>
#include <ctime>

namespace weir::client {

sigset_t BlockEndingSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

void WaitForEndingSignal(const sigset_t& signals) {
  int signal = 0;
  while (sigwait(&signals, &signal) != 0) {
  }
}

SignalThread::SignalThread(Interrupts* interrupts) {
  sigset_t signals = BlockEndingSignals();
  thread_ = std::thread([this, interrupts, signals] {
    while (!leaving_.load()) {
      timespec slice{0, 100'000'000};
      if (sigtimedwait(&signals, nullptr, &slice) > 0) interrupts->Raise();
    }
  });
}

SignalThread::~SignalThread() {
  leaving_.store(true);
  thread_.join();
}

}  // namespace weir::client
