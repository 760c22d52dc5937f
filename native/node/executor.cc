#include "executor.h"

#include <atomic>

namespace grus {
namespace {

// How long a GPU's job is waited for at the end of an environment. After the first that was left the GPU is taken to hang, and the others
// of the process, which will hang with it, get less.
constexpr std::chrono::milliseconds kPatience{5000}, kLittlePatience{250};
std::atomic<bool>& some_left() {
  static std::atomic<bool> left{false};
  return left;
}

}  // namespace

Executor::Executor(Napi::Env env, std::string name, std::shared_ptr<void> resource, bool may_hang)
    : env_(env), name_(std::move(name)), may_hang_(may_hang), resource_(std::move(resource)) {
  hook();
}

Executor::~Executor() { unhook(); }

void Executor::hook() { hooked_ = napi_add_env_cleanup_hook(env_, &Executor::shut_down, this) == napi_ok; }

void Executor::unhook() {
  if (hooked_) napi_remove_env_cleanup_hook(env_, &Executor::shut_down, this);
  hooked_ = false;
}

Napi::Promise Executor::submit(Napi::Object owner, std::function<void()> work, std::function<Napi::Value(Napi::Env)> result,
                               JobKind kind) {
  auto job = std::unique_ptr<Job>(
      new Job{kind, std::move(work), std::move(result), Napi::Persistent(owner), Napi::Promise::Deferred::New(env_), std::nullopt});
  const Napi::Promise promise = job->deferred.Promise();
  if (disposed_) {
    job->deferred.Reject(failure_to_js(env_, disposed_failure(name_.c_str())));
    return promise;
  }
  start();
  change_unsettled(kind, 1);
  {
    std::lock_guard<std::mutex> lock(mutex_);
    queue_.push_back(std::move(job));
  }
  wake_.notify_one();
  return promise;
}

void Executor::start() {
  if (!results_) {
    auto* self = new std::shared_ptr<Executor>(shared_from_this());
    const auto release = [](napi_env, void* data, void*) { delete static_cast<std::shared_ptr<Executor>*>(data); };
    const napi_status status = napi_create_threadsafe_function(env_, nullptr, nullptr, Napi::String::New(env_, "grus:" + name_), 0, 1, self,
                                                               release, this, &Executor::call_js, &results_);
    if (status != napi_ok) {
      delete self;
      throw Error(ErrorCode::device, "[" + name_ + "] no thread-safe function could be made");
    }
    napi_unref_threadsafe_function(env_, results_);
    // After the thread-safe function, so that it runs before that one's own hook.
    unhook();
    hook();
  }
  if (!thread_.joinable()) thread_ = std::thread([self = shared_from_this()] { self->run(); });
}

void Executor::claim(const char* where) {
  if (unsettled_ == 0) return;
  if (unsettled_ > transfers_) {
    throw Error(ErrorCode::invalid_argument, std::string("[") + where + "] expected no other calls under way, got " +
                                                 std::to_string(unsettled_ - transfers_) + ": await what they return first");
  }
  std::unique_lock<std::mutex> lock(mutex_);
  idle_.wait(lock, [this] { return queue_.empty() && !running_; });
  for (const auto& job : finished_) {
    if (job->failure) throw Error(job->failure->code, job->failure->message);
  }
}

void Executor::change_unsettled(JobKind kind, int by) {
  const bool idle = unsettled_ == 0;
  unsettled_ += by;
  if (kind == JobKind::transfer) transfers_ += by;
  if (idle && unsettled_ > 0) napi_ref_threadsafe_function(env_, results_);
  if (!idle && unsettled_ == 0) napi_unref_threadsafe_function(env_, results_);
}

void Executor::run() {
  while (true) {
    std::unique_ptr<Job> job;
    {
      std::unique_lock<std::mutex> lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (stopping_) break;
      job = std::move(queue_.front());
      queue_.pop_front();
      running_ = true;
    }
    try {
      job->work();
    } catch (...) {
      job->failure = current_failure();
    }
    {
      std::lock_guard<std::mutex> lock(mutex_);
      running_ = writing_ = false;
      if (left_) job.release();   // its references belong to an environment that has gone
      else finished_.push_back(std::move(job));
    }
    idle_.notify_all();
    signal();
  }
  resource_.reset();
  {
    std::lock_guard<std::mutex> lock(mutex_);
    ended_ = true;
  }
  idle_.notify_all();
  signal();
}

void Executor::signal() {
  std::lock_guard<std::mutex> lock(mutex_);
  if (!left_ && results_) napi_call_threadsafe_function(results_, nullptr, napi_tsfn_nonblocking);
}

void Executor::begin_writing() {
  std::lock_guard<std::mutex> lock(mutex_);
  if (left_) throw Error(ErrorCode::disposed, "[" + name_ + "] the environment has gone");
  writing_ = true;
}

void Executor::call_js(napi_env env, napi_value, void* context, void*) {
  if (!env) return;   // the environment is going away
  try {
    static_cast<Executor*>(context)->drain();
  } catch (...) {     // likewise: a terminated worker lets no call through
  }
}

void Executor::drain() {
  std::deque<std::unique_ptr<Job>> finished;
  bool ended = false;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    finished.swap(finished_);
    ended = ended_;
  }
  const std::shared_ptr<Executor> alive = shared_from_this();
  for (const auto& job : finished) {
    change_unsettled(job->kind, -1);
    settle(*job);
  }
  if (!ended || !thread_.joinable()) return;
  thread_.join();     // its last act was to signal
  unhook();
  napi_release_threadsafe_function(results_, napi_tsfn_release);
}

void Executor::settle(Job& job) {
  Napi::HandleScope scope(env_);
  try {
    if (job.failure) job.deferred.Reject(failure_to_js(env_, *job.failure));
    else job.deferred.Resolve(job.result(env_));
  } catch (const Napi::Error& error) {
    job.deferred.Reject(error.Value());
  } catch (...) {
    job.deferred.Reject(failure_to_js(env_, current_failure()));
  }
}

std::deque<std::unique_ptr<Job>> Executor::stop() {
  std::deque<std::unique_ptr<Job>> waiting;
  disposed_ = true;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
    waiting.swap(queue_);
  }
  wake_.notify_all();
  return waiting;
}

void Executor::dispose() {
  if (disposed_) return;
  try {
    start();
  } catch (const std::exception&) {   // no thread can be had
    resource_.reset();
  }
  const std::deque<std::unique_ptr<Job>> waiting = stop();
  for (const auto& job : waiting) {
    change_unsettled(job->kind, -1);
    job->failure = disposed_failure(name_.c_str());
    settle(*job);
  }
}

void Executor::shut_down(void* data) {
  Executor& self = *static_cast<Executor*>(data);
  self.hooked_ = false;
  const std::deque<std::unique_ptr<Job>> waiting = self.stop();
  if (!self.thread_.joinable() && self.resource_) {   // no job ever came
    self.thread_ = std::thread([alive = self.shared_from_this()] { alive->run(); });
  }
  if (!self.thread_.joinable()) return;
  if (self.await_end()) self.thread_.join();
  else self.thread_.detach();
  self.finished_.clear();
}

bool Executor::await_end() {
  std::unique_lock<std::mutex> lock(mutex_);
  const auto ended = [this] { return ended_; };
  if (!may_hang_) {
    idle_.wait(lock, ended);
    return true;
  }
  const auto patience = some_left() ? kLittlePatience : kPatience;
  while (!idle_.wait_for(lock, patience, ended)) {
    if (writing_) continue;   // the GPU has answered
    left_ = some_left() = true;
    return false;
  }
  return true;
}

}  // namespace grus
