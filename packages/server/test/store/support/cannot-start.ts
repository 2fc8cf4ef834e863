/** A thread that fails before it hears anything. */
throw new Error('this thread cannot start');
