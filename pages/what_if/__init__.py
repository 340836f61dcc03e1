"""What-if: what happens if load moves from one region to another?"""
