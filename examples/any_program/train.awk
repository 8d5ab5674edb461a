#!/usr/bin/awk -f
# Fits y = a + b x by gradient descent with momentum and prints the mean squared error on held-out points.
# Knows nothing of bluefin: its settings come as arguments, its result is the last line that it prints. The lines
# "bluefin:report STEP VALUE" are optional; with them a pruner can end a bad run early.
#   awk -v lr=0.1 -v momentum=0.9 -v batch=16 -f train.awk
BEGIN {
  srand(1)
  n = 400
  for (i = 0; i < n; ++i) {
    x[i] = 2 * rand() - 1
    y[i] = 3 - 2 * x[i] + 0.1 * (rand() - 0.5)
  }
  train = 300
  for (epoch = 0; epoch < 20; ++epoch) {
    for (start = 0; start < train; start += batch) {
      end = start + batch < train ? start + batch : train
      da = db = 0
      for (i = start; i < end; ++i) {
        error = a + b * x[i] - y[i]
        da += error
        db += error * x[i]
      }
      va = momentum * va - lr * da / (end - start)
      vb = momentum * vb - lr * db / (end - start)
      a += va
      b += vb
    }
    loss = 0
    for (i = train; i < n; ++i) {
      error = a + b * x[i] - y[i]
      loss += error * error / (n - train)
    }
    if (loss > 1e6) { print "diverged" > "/dev/stderr"; exit 1 }  # a failed trial; the study goes on
    print "bluefin:report", epoch, loss
    fflush()
  }
  print loss
}
