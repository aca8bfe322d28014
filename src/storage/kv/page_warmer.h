#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

namespace tenure::storage {

class FlatTable;

/// A thread that brings mapped tables into memory before they are asked for, so that a first read
/// of a page costs what a later one does. Ends, within a few pages, when it is destroyed.
class PageWarmer {
 public:
  PageWarmer();
  ~PageWarmer();
  PageWarmer(const PageWarmer&) = delete;
  PageWarmer& operator=(const PageWarmer&) = delete;

  /// Takes this table next; one that waits, or is being warmed, is left.
  void warm(std::shared_ptr<const FlatTable> table);

  void wait_until_idle();

 private:
  void run();
  void populate(const FlatTable& table);

  std::mutex mutex_;
  std::condition_variable changed_;
  std::shared_ptr<const FlatTable> next_;
  bool is_busy_ = false;
  bool is_stopping_ = false;
  std::thread thread_;
};

}  // namespace tenure::storage
