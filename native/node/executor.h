#pragma once
#include <napi.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "errors.h"

namespace grus {

// Work for the executor's thread, then a result on the JavaScript thread. Made and destroyed on the JavaScript thread only.
enum class JobKind { work, transfer };          // transfer: values that go to the device, nothing to speak of in time
struct Job {
  JobKind kind = JobKind::work;
  std::function<void()> work;
  std::function<Napi::Value(Napi::Env)> result;
  Napi::ObjectReference owner;                  // the wrapping object must not be collected meanwhile
  Napi::Promise::Deferred deferred;
  std::optional<Failure> failure;
};

// One thread that runs the jobs of one native object in order, and that frees this object (the resource) at the end: never the JavaScript
// thread, which would wait for a device. It comes with the first job, or with the end. It does not keep the process alive while it has
// nothing to do.
// When the environment goes away (a terminated worker, the end of the program) the job in flight is waited for. A GPU may hang, so that a
// job on one is waited for no longer than a few seconds, and then left: the thread goes on by itself, keeps what it uses alive, frees the
// resource should it ever come to that, and touches nothing of JavaScript's any more. Nothing is lost by it, whatever the job was: nobody
// is there to have its result. A CPU always comes to an end, and is always waited for.
class Executor : public std::enable_shared_from_this<Executor> {
 public:
  Executor(Napi::Env env, std::string name, std::shared_ptr<void> resource, bool may_hang);
  ~Executor();

  // On the JavaScript thread, all of them.
  Napi::Promise submit(Napi::Object owner, std::function<void()> work, std::function<Napi::Value(Napi::Env)> result,
                       JobKind kind = JobKind::work);
  // Until the JavaScript thread returns to its loop, the resource is this thread's: nothing runs on it and nothing can be queued. Waits for
  // transfers, which never wait for JavaScript, and throws what they failed with. Refuses while other jobs are unsettled: whether they
  // still run would be a matter of chance, and waiting for them would block the loop.
  void claim(const char* where);
  // Returns at once: queued jobs are rejected, the one in flight ends and resolves, then the thread frees the resource and is joined.
  void dispose();
  bool disposed() const { return disposed_; }
  // In a job that may hang, before it writes to memory of JavaScript's: that memory stays until the job's end. Throws when the environment
  // has gone without waiting, and the memory with it.
  void begin_writing();

 private:
  void start();
  void hook();
  void unhook();
  void run();
  void signal();
  void drain();
  void settle(Job& job);
  void change_unsettled(JobKind kind, int by);
  std::deque<std::unique_ptr<Job>> stop();      // takes what has not begun
  bool await_end();                             // false: it has been left
  static void shut_down(void* executor);        // the environment is going away
  static void call_js(napi_env env, napi_value, void* context, void*);

  const Napi::Env env_;
  const std::string name_;
  const bool may_hang_;
  napi_threadsafe_function results_ = nullptr;  // owns a reference to this
  std::thread thread_;
  bool disposed_ = false, hooked_ = false;
  int unsettled_ = 0, transfers_ = 0;           // transfers_: those of the unsettled

  std::mutex mutex_;                            // of what follows
  std::condition_variable wake_, idle_;         // idle_: a job has ended, or the thread
  std::deque<std::unique_ptr<Job>> queue_, finished_;
  bool running_ = false, stopping_ = false, ended_ = false;
  bool writing_ = false, left_ = false;
  std::shared_ptr<void> resource_;
};

}  // namespace grus
