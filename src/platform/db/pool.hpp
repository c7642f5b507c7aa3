#pragma once
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace modelops::db {

/// At most `size` connections, made on demand, each lent to one thread at a time.
template <class T>
class Pool {
 public:
  Pool(std::size_t size, std::function<std::unique_ptr<T>()> make) : size_(size), make_(std::move(make)) {}

  class Lease {
   public:
    Lease(Pool& pool, std::unique_ptr<T> item, std::uint64_t generation)
        : pool_(pool), item_(std::move(item)), generation_(generation) {}
    Lease(const Lease&) = delete;
    ~Lease() { pool_.give_back(std::move(item_), generation_); }
    T& operator*() { return *item_; }
    T* operator->() { return item_.get(); }
    /// Does not give it back: the connection is broken.
    void discard() { item_.reset(); }

   private:
    Pool& pool_;
    std::unique_ptr<T> item_;
    std::uint64_t generation_;
  };

  Lease take() {
    std::unique_lock lock(mutex_);
    free_.wait(lock, [&] { return !idle_.empty() || lent_ < size_; });
    ++lent_;
    std::unique_ptr<T> item;
    if (!idle_.empty()) {
      item = std::move(idle_.back());
      idle_.pop_back();
    }
    const std::uint64_t generation = generation_;
    lock.unlock();
    if (!item) {
      try {
        item = make_();
      } catch (...) {
        give_back(nullptr, generation);
        throw;
      }
    }
    return Lease(*this, std::move(item), generation);
  }

  /// Whether `take` would neither wait nor make a connection.
  bool has_idle() const {
    std::lock_guard lock(mutex_);
    return !idle_.empty();
  }

  /// Closes what is idle now and what is lent when it comes back.
  void clear() {
    std::lock_guard lock(mutex_);
    idle_.clear();
    ++generation_;
  }

 private:
  void give_back(std::unique_ptr<T> item, std::uint64_t generation) {
    {
      std::lock_guard lock(mutex_);
      --lent_;
      if (item && generation == generation_) idle_.push_back(std::move(item));
    }
    free_.notify_one();
  }

  std::size_t size_;
  std::function<std::unique_ptr<T>()> make_;
  mutable std::mutex mutex_;
  std::condition_variable free_;
  std::vector<std::unique_ptr<T>> idle_;
  std::size_t lent_ = 0;
  std::uint64_t generation_ = 0;
};

}  // namespace modelops::db
