#pragma once

#include <functional>
#include <mutex>
#include <vector>

#include "core/descriptor.h"

namespace tenure::net {

/// What other threads want an event loop to do: tasks, and an eventfd that becomes readable when
/// there are some.
class TaskQueue {
 public:
  using Task = std::function<void()>;

  TaskQueue();  ///< throws std::system_error when the system has no eventfd to give
  int fd() const { return wake_.get(); }

  void post(Task task);  ///< any thread
  void wake();           ///< any thread: fd() becomes readable

  /// Takes what has been posted; fd() is unreadable until more is. The loop's thread.
  void take(std::vector<Task>& tasks);

 private:
  core::Descriptor wake_;
  std::mutex mutex_;
  std::vector<Task> tasks_;
};

}  // namespace tenure::net
