#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace prometheus {
class Counter;
class Gauge;
class Histogram;
class Registry;
}  // namespace prometheus

namespace modelops::metrics {

using Labels = std::map<std::string, std::string>;

/// A sum that only grows. Thread-safe; valid while its Registry lives.
class Counter {
 public:
  explicit Counter(prometheus::Counter& series) : series_(&series) {}
  void add(double amount = 1) const;  ///< a negative amount is ignored
  double value() const;

 private:
  prometheus::Counter* series_;
};

/// A value that goes up and down. Thread-safe; valid while its Registry lives.
class Gauge {
 public:
  explicit Gauge(prometheus::Gauge& series) : series_(&series) {}
  void set(double value) const;
  void add(double amount) const;  ///< may be negative
  double value() const;

 private:
  prometheus::Gauge* series_;
};

/// Observations counted by bucket. Thread-safe; valid while its Registry lives.
class Histogram {
 public:
  explicit Histogram(prometheus::Histogram& series) : series_(&series) {}
  void observe(double value) const;

 private:
  prometheus::Histogram* series_;
};

/// Owns all series of a process. The same name and labels give the same series again. Making a series takes a
/// lock and a look-up: keep what is used often. A name that is not a Prometheus name, or that already has
/// another type, is a programming error: std::logic_error.
class Registry {
 public:
  Registry();
  ~Registry();
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  Counter counter(const std::string& name, const std::string& help, const Labels& labels = {});
  Gauge gauge(const std::string& name, const std::string& help, const Labels& labels = {});
  /// `bounds`: ascending upper bounds of the buckets; +Inf is added.
  Histogram histogram(const std::string& name, const std::string& help, const std::vector<double>& bounds,
                      const Labels& labels = {});

  /// Every series as text, for `Content-Type: text/plain; version=0.0.4`.
  std::string expose() const;

 private:
  friend class Scope;
  std::unique_ptr<prometheus::Registry> registry_;
};

/// The series of something that ends before the process does: they leave the registry with the scope, and nothing may
/// use them after that. No other scope may make the same series while this one lives. Not thread-safe.
class Scope {
 public:
  explicit Scope(Registry& registry) : registry_(&registry) {}
  ~Scope();
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

  /// As those of Registry.
  Counter counter(const std::string& name, const std::string& help, const Labels& labels = {});
  Gauge gauge(const std::string& name, const std::string& help, const Labels& labels = {});
  Histogram histogram(const std::string& name, const std::string& help, const std::vector<double>& bounds,
                      const Labels& labels = {});

 private:
  Registry* registry_;
  std::vector<std::function<void()>> removals_;
};

/// Upper bounds in seconds from half a millisecond to a minute, for the latency of requests.
const std::vector<double>& latency_bounds();

}  // namespace modelops::metrics
