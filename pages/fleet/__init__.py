"""Fleet: where is trouble in the next 24 hours?"""
